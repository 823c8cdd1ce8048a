import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fromHalfFloats, toHalfFloats } from './half-float.js';
import { computeLogits } from './logits.js';

interface Case {
  images: Float32Array;
  text: Float32Array;
  width: number;
}

const value = fc.float({ min: -4, max: 4, noNaN: true });

/** Text rows enough for several blocks, and widths that four does not divide. */
const cases: fc.Arbitrary<Case> = fc
  .tuple(
    fc.integer({ min: 1, max: 3 }),
    fc.integer({ min: 1, max: 300 }),
    fc.integer({ min: 1, max: 70 }),
    value,
    value,
  )
  .map(([images, rows, width, phase, step]) => ({
    images: Float32Array.from({ length: images * width }, (_, index) => Math.sin(phase + index)),
    text: Float32Array.from({ length: rows * width }, (_, index) => Math.cos(step + index * (1.1 + step))),
    width,
  }));

function naiveLogits({ images, text, width }: Case, scale: number): number[] {
  const logits: number[] = [];
  for (let image = 0; image < images.length; image += width) {
    const vector = images.subarray(image, image + width);
    const length = Math.sqrt(vector.reduce((sum, item) => sum + item * item, 0));
    for (let row = 0; row < text.length; row += width) {
      const dot = vector.reduce((sum, item, column) => sum + item * (text[row + column] ?? 0), 0);
      logits.push(length === 0 ? 0 : (scale * dot) / length);
    }
  }
  return logits;
}

describe('computeLogits', () => {
  it('gives scaled cosine similarities', () => {
    fc.assert(
      fc.property(cases, (input) => {
        const rows = input.text.length / input.width;
        const logits = computeLogits(input.images, { rows, width: input.width, values: input.text }, 20);
        for (const [index, expected] of naiveLogits(input, 20).entries()) {
          assert.ok(Math.abs((logits[index] ?? NaN) - expected) < 1e-4);
        }
      }),
    );
  });

  it('reads half precision as the values that it stands for', () => {
    fc.assert(
      fc.property(cases, ({ images, text, width }) => {
        const [rows, halves] = [text.length / width, toHalfFloats(text)];
        assert.deepEqual(
          computeLogits(images, { rows, width, values: halves }, 20),
          computeLogits(images, { rows, width, values: fromHalfFloats(halves) }, 20),
        );
      }),
    );
  });

  it('takes an image of zeros as similar to nothing', () => {
    const text = { rows: 2, width: 2, values: Float32Array.of(1, 0, 0, 1) };
    assert.deepEqual(computeLogits(Float32Array.of(0, 0), text, 100), Float32Array.of(0, 0));
  });

  it('refuses shapes that do not match and embeddings that are not finite', () => {
    const text = { rows: 1, width: 2, values: Float32Array.of(1, 0) };
    assert.throws(() => computeLogits(Float32Array.of(1, 2, 3), text, 1), RangeError);
    assert.throws(() => computeLogits(Float32Array.of(1, 2), { ...text, rows: 2 }, 1), RangeError);
    assert.throws(() => computeLogits(Float32Array.of(1, NaN), text, 1), RangeError);
    assert.throws(() => computeLogits(Float32Array.of(1, Infinity), text, 1), RangeError);
  });
});
