import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differenceOf } from './comparison.js';

const mask = (...pixels: number[]) => ({ width: pixels.length, height: 1, data: Uint8Array.from(pixels) });

test('a difference counts the pixels that either mask has alone', () => {
  const { overlap, changed, changedPixels } = differenceOf(mask(1, 1, 0, 0), mask(0, 1, 1, 0));
  assert.equal(overlap, 1 / 3);
  assert.deepEqual([...changed.data], [1, 0, 1, 0]);
  assert.equal(changedPixels, 2);
});

test('two empty masks do not differ', () => {
  const { overlap, changedPixels } = differenceOf(mask(0, 0), mask(0, 0));
  assert.deepEqual([overlap, changedPixels], [1, 0]);
});
