import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';

import { loadTokenizer } from '@tessera/tokenizer';
import { InferenceSession, Tensor } from 'onnxruntime-node';

import { serializeModel } from '../onnx/serialization.js';
import { buildTextEncoder } from './text-encoder.js';

interface GoldenText {
  readonly text: string;
  readonly sentence: readonly number[];
  readonly pieces?: readonly (readonly number[])[];
}

interface EncodedTexts {
  /** `[B][512]` */
  readonly sentences: readonly Float32Array[];
  /** `[B][S × 512]` */
  readonly pieces: readonly Float32Array[];
  /** Pieces of each text before padding. */
  readonly lengths: readonly number[];
}

const goldenUrl = new URL('../../test-vectors/text-encoder.json', import.meta.url);
const golden = JSON.parse(readFileSync(goldenUrl, 'utf8')) as GoldenText[];

// The tolerances are those of weights rounded to float16.
describe('the text encoder', () => {
  let encode: (texts: readonly string[], padding?: { id: bigint; count: number }) => Promise<EncodedTexts>;

  before(async () => {
    const { model, tokenizer: definition } = await buildTextEncoder();
    const session = await InferenceSession.create(serializeModel(model));
    const tokenizer = loadTokenizer(definition);
    encode = async (texts, padding = { id: 0n, count: 0 }) => {
      const rows = texts.map((text) => tokenizer.encode(text).ids);
      const lengths = rows.map((row) => row.length);
      const width = Math.max(...lengths) + padding.count;
      const ids = new BigInt64Array(rows.length * width).fill(padding.id);
      for (const [index, row] of rows.entries()) ids.set(row.map(BigInt), index * width);
      const { sentence, pieces } = await session.run({
        ids: new Tensor('int64', ids, [rows.length, width]),
        lengths: new Tensor('int64', lengths.map(BigInt), [rows.length]),
      });
      assert.ok(sentence?.data instanceof Float32Array && pieces?.data instanceof Float32Array);
      assert.deepEqual(sentence.dims, [rows.length, 512]);
      assert.deepEqual(pieces.dims, [rows.length, Math.min(width, 128), 512]);
      return { sentences: split(sentence.data, rows.length), pieces: split(pieces.data, rows.length), lengths };
    };
  });

  it('gives the published model’s sentence embeddings, all texts in one padded batch', async () => {
    const { sentences } = await encode(golden.map(({ text }) => text));
    for (const [index, { text, sentence }] of golden.entries()) {
      assertClose(sentences[index] ?? [], sentence, 5e-4, text);
    }
  });

  it('gives the published model’s states of the pieces', async () => {
    const withPieces = golden.filter(({ pieces }) => pieces !== undefined);
    assert.equal(withPieces.length, 3);
    const encoded = await encode(withPieces.map(({ text }) => text));
    for (const [index, { text, pieces = [] }] of withPieces.entries()) {
      assert.equal(encoded.lengths[index], pieces.length);
      const largest = Math.max(...pieces.flat().map(Math.abs));
      assertClose(encoded.pieces[index]?.subarray(0, pieces.length * 512) ?? [], pieces.flat(), 3e-3 * largest, text);
    }
  });

  it('reads nothing from the padding', async () => {
    const texts = ['dog', 'something to sit on'];
    const plain = await encode(texts);
    const padded = await encode(texts, { id: 4321n, count: 40 });
    for (const [index, text] of texts.entries()) {
      assertClose(padded.sentences[index] ?? [], plain.sentences[index] ?? [], 1e-6, text);
      const end = (plain.lengths[index] ?? 0) * 512;
      const [states, rest] = [padded.pieces[index]?.subarray(0, end), padded.pieces[index]?.subarray(end)];
      assertClose(states ?? [], plain.pieces[index]?.subarray(0, end) ?? [], 1e-4, text);
      assert.ok(rest !== undefined && rest.length > 0 && rest.every((value) => value === 0));
    }
  });

  it('gives a unit vector for a text without pieces', async () => {
    const { sentences } = await encode(['', 'dog']);
    const norm = Math.hypot(...(sentences[0] ?? []));
    assert.ok(Math.abs(norm - 1) < 1e-5, `norm ${norm}`);
  });
});

function split(values: Float32Array, count: number): Float32Array[] {
  const size = values.length / count;
  return Array.from({ length: count }, (_, index) => values.subarray(index * size, (index + 1) * size));
}

function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, name: string): void {
  assert.equal(actual.length, expected.length, name);
  const differences = Array.from(actual, (value, index) => Math.abs(value - (expected[index] ?? NaN)));
  const largest = differences.reduce((first, second) => Math.max(first, second), 0);
  assert.ok(largest <= tolerance, `${name}: the largest difference is ${largest}`);
}
