import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toHalfFloats } from './half-float.js';
import { bestCandidate, meanEmbedding, noneFeatures } from './none-features.js';

const texts = { rows: 3, width: 2, values: Float32Array.of(1, 0, 0, 1, 0.6, 0.8) };
const image = Float32Array.of(0.8, 0.6);

describe('bestCandidate', () => {
  it('has the text of the largest logit', () => {
    const best = bestCandidate(image, texts, Float32Array.of(-3, -1, -2));
    assert.deepEqual(best, { image, text: Float32Array.of(0, 1) });
  });

  it('reads texts in half precision', () => {
    const halves = { ...texts, values: toHalfFloats(Float32Array.of(1, 0, 0, 1, 0.5, 0.25)) };
    assert.deepEqual(bestCandidate(image, halves, Float32Array.of(0, 0, 5)).text, Float32Array.of(0.5, 0.25));
  });
});

describe('meanEmbedding', () => {
  it('is the mean of the rows', () => {
    const [first, second] = meanEmbedding(texts);
    assert.ok(Math.abs((first ?? 0) - 1.6 / 3) < 1e-6);
    assert.ok(Math.abs((second ?? 0) - 1.8 / 3) < 1e-6);
  });
});

describe('noneFeatures', () => {
  it('are scaled cosines of image, candidate and background, and a product', () => {
    const background = Float32Array.of(0.5, 0.25);
    const features = noneFeatures({ image, text: Float32Array.of(0, 1) }, background, 10);
    const expected = [6, 10 * (0.4 + 0.15), 2.5, 5.5 * 2.5];
    for (const [index, value] of expected.entries()) assert.ok(Math.abs((features[index] ?? 0) - value) < 1e-5);
  });
});
