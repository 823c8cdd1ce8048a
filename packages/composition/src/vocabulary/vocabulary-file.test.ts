import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TesseraError } from '@tessera/contracts';
import fc from 'fast-check';
import { pairCandidates } from '../candidates/worlds.js';
import { readSafetensors, tensorValues, writeSafetensors } from './safetensors.js';
import { describeVocabulary, hashVocabulary, parseVocabulary, serializeVocabulary } from './vocabulary-file.js';
import type { Vocabulary } from './vocabulary.js';

const example: Vocabulary = {
  name: 'apparel',
  model: 'tessera-dual',
  method: 'csp',
  attributes: ['blue', 'red'],
  objects: ['dress', 'hat', 'Ünï "cap"'],
  seen_pairs: [
    ['red', 'hat'],
    ['blue', 'red', 'dress'],
  ],
  logit_scale: 87.5,
  base: { name: 'tessera-dual@1', sha256: 'ab'.repeat(32) },
  learned: { rows: 5, width: 3, values: Float32Array.from({ length: 15 }, (_, index) => index / 7) },
  metrics: { auc: 0.4, best_hm: 0.5, best_seen: 0.9, best_unseen: 0.7, bias: 1.25 },
  recipe: { epochs: 20, batch_size: 128, learning_rate: 5e-4, weight_decay: 1e-5, dropout: 0.2, seed: 7 },
  history: [
    { epoch: 1, loss: 0.5, validation_auc: 0.3 },
    { epoch: 2, loss: 0.4 },
  ],
};

const word = fc.string({ minLength: 1, maxLength: 12 }).filter((text) => text.trim() !== '');
const words = fc.uniqueArray(word, { minLength: 1, maxLength: 6 });
const vocabularies: fc.Arbitrary<Vocabulary> = fc
  .record({ attributes: words, objects: words, method: fc.constantFrom('csp', 'coop', 'clip'), hasRun: fc.boolean() })
  .chain(({ attributes, objects, method, hasRun }) => {
    const pair = fc.tuple(fc.constantFrom(...attributes), fc.constantFrom(...objects));
    const rows = method === 'csp' ? attributes.length + objects.length : 3;
    const fields = {
      name: fc.constantFrom('a', 'Apparel-2.v_1'),
      model: word,
      method: fc.constant(method),
      attributes: fc.constant(attributes),
      objects: fc.constant(objects),
      seen_pairs: fc.uniqueArray(pair, { maxLength: 6, selector: (names) => JSON.stringify(names) }),
      logit_scale: fc.double({ min: 1e-3, max: 1000, noNaN: true }),
      base: fc.constant(example.base),
      learned: fc
        .array(fc.float({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 2 * rows, maxLength: 2 * rows })
        .map((values) => (method === 'clip' ? undefined : { rows, width: 2, values: Float32Array.from(values) })),
      ...(hasRun ? { metrics: fc.constant(example.metrics), history: fc.constant(example.history) } : {}),
    };
    return fc.record(fields, { noNullPrototype: true });
  });

/** The example's file with other metadata or another tensor. */
function altered(metadata: Readonly<Record<string, string>>, tensorName = 'soft_prompts', shape = [5, 3]): Uint8Array {
  const file = readSafetensors(serializeVocabulary(example));
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
  return writeSafetensors(
    new Map([[tensorName, { shape, values }]]),
    new Map([...file.metadata, ...Object.entries(metadata)]),
  );
}

describe('a vocabulary file', () => {
  it('keeps everything of the vocabulary', () => {
    assert.deepEqual(parseVocabulary(serializeVocabulary(example)), example);
    fc.assert(
      fc.property(vocabularies, (vocabulary) => {
        const file = serializeVocabulary(vocabulary);
        assert.deepEqual(parseVocabulary(file), vocabulary);
        assert.deepEqual(serializeVocabulary(parseVocabulary(file)), file);
      }),
    );
  });

  it('is safetensors that other tools can read: rows beside their names', () => {
    const { metadata, tensors } = readSafetensors(serializeVocabulary(example));
    assert.equal(metadata.get('format'), 'tessera-vocabulary/1');
    assert.equal(metadata.get('name'), 'apparel');
    assert.deepEqual(JSON.parse(metadata.get('attributes') ?? ''), example.attributes);
    assert.deepEqual(JSON.parse(metadata.get('seen_pairs') ?? ''), example.seen_pairs);
    const rows = tensors.get('soft_prompts');
    assert.ok(rows);
    assert.deepEqual(rows.shape, [5, 3]);
    assert.deepEqual(tensorValues(rows), example.learned?.values);
  });

  it('may have a name in several spellings, as earlier versions wrote them', () => {
    const spellings = {
      ...example,
      attributes: ['Red', 'red'],
      seen_pairs: [
        ['Red', 'hat'],
        ['red', 'hat'],
      ],
    };
    assert.deepEqual(parseVocabulary(serializeVocabulary(spellings)), spellings);
    const { seen_pairs: seenPairs } = parseVocabulary(altered({ seen_pairs: '[["RED", "Hat"]]' }));
    assert.equal(pairCandidates([['red', 'hat']], seenPairs).seen[0], 1);
  });

  const refused: [what: string, file: Uint8Array, detail: RegExp][] = [
    ['another format', altered({ format: 'tessera-vocabulary/2' }), /format/],
    ['a name that is a path', altered({ name: '../secret' }), /name/],
    ['an unknown method', altered({ method: 'magic' }), /\/method/],
    ['names that are not JSON', altered({ attributes: 'blue, red' }), /attributes is not JSON/],
    ['names that are no texts', altered({ attributes: '[1, 2]' }), /\/attributes\/0/],
    ['no names', altered({ objects: '[]' }), /no objects/],
    ['a blank name', altered({ objects: '["dress", " ", "hat"]' }), /\/objects\/1 must not be blank/],
    ['a name twice', altered({ attributes: '["red", "red"]' }), /twice/],
    ['a seen pair of unknown names', altered({ seen_pairs: '[["green", "hat"]]' }), /seen pair 0/],
    ['a seen pair without attribute', altered({ seen_pairs: '[["hat"]]' }), /seen_pairs\/0/],
    ['a seen pair twice', altered({ seen_pairs: '[["red", "hat"], ["red", "hat"]]' }), /twice/],
    ['a logit scale of zero', altered({ logit_scale: '0' }), /logit_scale/],
    ['a huge logit scale', altered({ logit_scale: '1e37' }), /logit_scale is larger/],
    ['an endless logit scale', altered({ logit_scale: '1e999' }), /logit_scale/],
    ['a base without hash', altered({ base: '{"name": "x", "sha256": "abc"}' }), /SHA-256/],
    [
      'metrics beyond their range',
      altered({ metrics: '{"auc": 40, "best_hm": 0, "best_seen": 0, "best_unseen": 0, "bias": 0}' }),
      /\/metrics\/auc/,
    ],
    ['the tensor of another method', altered({}, 'context'), /tensors of method csp/],
    ['too few rows', altered({}, 'soft_prompts', [4, 3]), /wrong shape/],
    ['rows of no width', altered({}, 'soft_prompts', [5, 0]), /wrong shape/],
    ['a tensor that is no matrix', altered({}, 'soft_prompts', [15]), /wrong shape/],
    ['bytes of something else', Buffer.from('not a vocabulary'), /header/],
  ];
  for (const [what, file, detail] of refused) {
    it(`with ${what} is refused`, () => {
      assert.throws(
        () => parseVocabulary(file),
        (error) =>
          TesseraError.isInstance(error) && error.code === 'TSR_VOCABULARY_INVALID' && detail.test(error.message),
      );
    });
  }

  it('with values that are not finite is refused', () => {
    for (const value of [NaN, Infinity]) {
      const values = new Float32Array(15).fill(value, 7, 8);
      const file = serializeVocabulary({ ...example, learned: { rows: 5, width: 3, values } });
      assert.throws(() => parseVocabulary(file), /not finite/);
    }
  });

  it('with values that no text encoder takes is refused, saying where', () => {
    for (const value of [3e38, -3e38, 1.1e6]) {
      const values = new Float32Array(15).fill(value, 7, 8);
      const file = serializeVocabulary({ ...example, learned: { rows: 5, width: 3, values } });
      assert.throws(() => parseVocabulary(file), {
        code: 'TSR_VOCABULARY_INVALID',
        message: /soft_prompts has a value beyond ±1000000 at row 2, column 1/,
      });
    }
  });

  it('drops metadata that the format does not have', () => {
    const metrics = JSON.stringify({ ...example.metrics, extra: 'x' });
    const description = describeVocabulary(parseVocabulary(altered({ comment: 'x', metrics })));
    assert.deepEqual(description, describeVocabulary(example));
  });
});

describe('hashVocabulary', () => {
  it('changes with what prompts depend on, and with nothing else', () => {
    const hash = hashVocabulary(example);
    assert.match(hash, /^[0-9a-f]{64}$/);
    assert.equal(hashVocabulary({ ...example, name: 'other', logit_scale: 1, seen_pairs: [] }), hash);
    const values = Float32Array.from(example.learned?.values ?? []).fill(1, 0, 1);
    const others: Vocabulary[] = [
      { ...example, attributes: ['blue', 'green'] },
      { ...example, method: 'coop' },
      { ...example, learned: { rows: 5, width: 3, values } },
      { ...example, learned: undefined },
    ];
    for (const other of others) assert.notEqual(hashVocabulary(other), hash);
  });
});
