import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compositionAt } from '@tessera/composition';
import { checkExamples, givenSplit, heldOutSplit, learningProblem, withFirstSpellings } from './learning-problem.js';
import type { TrainingExample } from './training.js';

let images = 0;
function example(attribute: string, object: string, set?: TrainingExample['set']): TrainingExample {
  images += 1;
  return {
    image: { id: String(images), read: () => Promise.reject(new Error('unread')) },
    attributes: [attribute],
    object,
    set,
  };
}

function pairOf({ attributes, object }: TrainingExample): string {
  return [...attributes, object].join(' ');
}

describe('a learning problem', () => {
  const examples = [
    example('red', 'cup'),
    example('blue', 'hat', 'train'),
    example('red', 'hat', 'val'),
    example('red', 'cup'),
    example('red', 'cup', 'val'),
    example('green', 'cup', 'test'),
  ];

  it('has names, labels and candidates of the split', () => {
    const problem = learningProblem(examples, givenSplit(examples));
    assert.deepEqual(problem.fit, [0, 1, 3]);
    assert.deepEqual(problem.validation, [2, 4]);
    assert.deepEqual(
      [problem.attributes, problem.objects],
      [
        ['blue', 'red'],
        ['cup', 'hat'],
      ],
    );
    assert.deepEqual(
      problem.labels.map((label) => problem.seenPairs[label]),
      [
        ['red', 'cup'],
        ['blue', 'hat'],
        ['red', 'cup'],
      ],
    );
    assert.deepEqual(
      problem.truths.map((truth) => compositionAt(problem.candidates, truth)),
      [
        ['red', 'hat'],
        ['red', 'cup'],
      ],
    );
    assert.deepEqual(
      problem.truths.map((truth) => problem.candidates.seen[truth]),
      [0, 1],
    );
  });

  it('takes rows with spellings of one name for one primitive', () => {
    const spelled = ['red', 'Red', 'RED', 'red ', 'dark_red', 'Dark-Red'].map((name) => example(name, 'cup'));
    const rows = withFirstSpellings([...spelled, example('red', 'Cup', 'val'), example('RED', 'Dark red')]);
    const problem = learningProblem(rows, givenSplit(rows));
    assert.deepEqual(
      [problem.attributes, problem.objects],
      [
        ['dark_red', 'red'],
        ['Dark red', 'cup'],
      ],
    );
    assert.deepEqual(problem.seenPairs, [
      ['dark_red', 'cup'],
      ['red', 'cup'],
      ['red', 'Dark red'],
    ]);
    assert.deepEqual(problem.labels, [1, 1, 1, 1, 0, 0, 2]);
    assert.equal(problem.candidates.seen[problem.truths[0] ?? -1], 1);
  });

  it('needs two different pairs', () => {
    checkExamples(examples);
    assert.throws(
      () => {
        checkExamples([example('red', 'cup'), example('Red ', 'CUP')]);
      },
      { code: 'TSR_TRAINING_SET_INVALID' },
    );
    assert.throws(
      () => {
        checkExamples([example('red', 'cup'), example('red', 'cup'), example('blue', 'cup', 'val')]);
      },
      { code: 'TSR_TRAINING_SET_INVALID' },
    );
  });

  it('refuses a name that cannot be used, and points to it', () => {
    const bad = [example('red', 'cup'), example('\u0007', 'hat')];
    assert.throws(
      () => {
        checkExamples(bad);
      },
      (error: { fields?: { pointer: string }[] }) => error.fields?.[0]?.pointer === '/examples/1/attributes/0',
    );
  });
});

describe('a split by holding out', () => {
  const attributes = ['a', 'b', 'c', 'd'];
  const objects = ['x', 'y', 'z'];
  const examples = attributes.flatMap((attribute) =>
    objects.flatMap((object) => Array.from({ length: 10 }, () => example(attribute, object))),
  );

  for (const seed of [0, 1, 2, 3]) {
    it(`keeps every attribute and object to learn from (seed ${seed})`, () => {
      const { fit, validation } = heldOutSplit(examples, seed);
      assert.deepEqual(
        [...fit, ...validation].sort((a, b) => a - b),
        [...examples.keys()],
      );
      const pairsOf = (indexes: readonly number[]) =>
        new Set(indexes.map((index) => pairOf(examples[index] ?? example('', ''))));
      const unseen = [...pairsOf(validation)].filter((pair) => !pairsOf(fit).has(pair));
      assert.equal(unseen.length, 2);
      const problem = learningProblem(examples, { fit, validation });
      assert.deepEqual([problem.attributes, problem.objects], [attributes, objects]);
      // Two images of each of the ten pairs that are learnt, all ten of the other two.
      assert.equal(validation.length, 40);
    });
  }

  it('is the same for the same seed alone', () => {
    assert.deepEqual(heldOutSplit(examples, 5), heldOutSplit(examples, 5));
    assert.notDeepEqual(heldOutSplit(examples, 5), heldOutSplit(examples, 6));
  });

  it('holds out no pair that is the only one with its object', () => {
    const few = ['a', 'b', 'c', 'd', 'e'].map((name) => example(name, `only ${name}`));
    assert.deepEqual(heldOutSplit(few, 0), { fit: [0, 1, 2, 3, 4], validation: [] });
  });
});
