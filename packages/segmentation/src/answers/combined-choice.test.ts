import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Box } from '../vision/box.js';
import type { ChosenObject, ObjectChoice } from './choice.js';
import { combineChoices, type PartChoice } from './combined-choice.js';

const settings = { box_overlap_threshold: 0.5, maximum_objects: 3 };
const [left, middle, right]: readonly Box[] = [
  [0, 0, 0.3, 1],
  [0.35, 0, 0.65, 1],
  [0.7, 0, 1, 1],
];
const nearlyLeft: Box = [0.02, 0, 0.31, 1];

const object = (box: Box | undefined, probability: number): ChosenObject => ({
  prompt: box === undefined ? {} : { box },
  probability,
});
const part = (query: string, objects: readonly ChosenObject[], more: Partial<ObjectChoice> = {}): PartChoice => ({
  query,
  choice: { score: objects[0]?.probability ?? 0.1, objects, warnings: [], ...more },
});

describe('a choice of several', () => {
  it('has the objects of all parts, the surest first and each once', () => {
    const { objects, score, label, warnings } = combineChoices(
      [
        part('the cat', [object(left, 0.6)], { label: 'cat' }),
        part('the pets', [object(nearlyLeft, 0.7), object(middle, 0.9)], { label: 'cat, dog' }),
      ],
      [],
      settings,
    );
    assert.deepEqual(objects, [object(middle, 0.9), object(nearlyLeft, 0.7)]);
    assert.deepEqual([score, label, warnings], [0.7, 'cat, dog', []]);
  });

  it('says which part has no objects, and which too few', () => {
    const cups = part('two cups', [object(left, 0.9)], { count: 2 });
    const { objects, warnings } = combineChoices([part('the dog', []), cups], [], settings);
    assert.equal(objects.length, 1);
    assert.deepEqual(warnings, [{ code: 'fewer_found', words: ['the dog', '2'] }]);
  });

  it('is absent when no part has objects', () => {
    const { objects, score, warnings } = combineChoices([part('the dog', []), part('the cat', [])], [], settings);
    assert.deepEqual([objects, score, warnings], [[], 0.1, []]);
  });

  it('has none of what is left out, and none of its pixels', () => {
    const everyone = part('everyone', [object(left, 0.9), object(middle, 0.8), object(right, 0.7)]);
    const warnings = [{ code: 'kind_not_told' as const, words: ['man'] }];
    const man = part('the man on the left', [object(nearlyLeft, 0.6)], { warnings });
    const choice = combineChoices([everyone], [man], settings);
    assert.deepEqual(choice.objects, [object(middle, 0.8), object(right, 0.7)]);
    assert.deepEqual(choice.excluded, [object(nearlyLeft, 0.6)]);
    assert.deepEqual(choice.warnings, warnings);
  });

  it('is absent when everything is left out', () => {
    const { score, objects, excluded } = combineChoices(
      [part('everyone', [object(left, 0.9)])],
      [part('the child', [object(left, 0.9)])],
      settings,
    );
    assert.deepEqual([score, objects, excluded], [0, [], []]);
  });

  it('has no more objects than a query may have', () => {
    const many = Array.from({ length: 5 }, (_, index) => object([index / 10, 0, (index + 1) / 10, 1], 0.9));
    assert.equal(combineChoices([part('the cups', many), part('the dog', [])], [], settings).objects.length, 3);
  });
});
