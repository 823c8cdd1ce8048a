import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeMask, maskImage, paintMask } from './paint-mask.js';

/** Two rows of three pixels; the middle column and the lower right pixel are in the mask. */
const rle = { size: [2, 3] as [number, number], counts: [2, 2, 1, 1] };
const inside = [1, 4, 5];

describe('the mask of an answer', () => {
  it('is decoded row by row', () => {
    assert.deepEqual([...decodeMask(rle).data], [0, 1, 0, 0, 1, 1]);
    // The same as pycocotools encodes it.
    assert.deepEqual(decodeMask({ size: [7, 1], counts: '231N' }).data, Uint8Array.of(0, 0, 1, 1, 1, 0, 1));
  });

  it('that is no run-length encoding is refused', () => {
    assert.throws(() => decodeMask({ size: [2, 3], polygons: [] }), TypeError);
    assert.throws(() => decodeMask({ size: [2, 3], counts: [7] }), { name: 'RleError' });
  });
});

describe('a painted mask', () => {
  it('mixes its colour with the pixels inside and leaves the others alone', () => {
    const data = new Uint8ClampedArray(24).fill(100);
    for (let pixel = 0; pixel < 6; pixel++) data[4 * pixel + 3] = 255;
    paintMask({ width: 3, height: 2, data }, decodeMask(rle), [200, 0, 100, 0.25]);
    for (let pixel = 0; pixel < 6; pixel++) {
      const expected = inside.includes(pixel) ? [125, 75, 100, 255] : [100, 100, 100, 255];
      assert.deepEqual([...data.subarray(4 * pixel, 4 * pixel + 4)], expected, `pixel ${pixel}`);
    }
  });

  it('does not fit an image of another size', () => {
    const image = { width: 2, height: 3, data: new Uint8ClampedArray(24) };
    assert.throws(() => {
      paintMask(image, decodeMask(rle), [0, 0, 0]);
    }, RangeError);
  });

  it('is a picture of its own, transparent outside', () => {
    const { width, height, data } = maskImage(decodeMask(rle), [1, 2, 3]);
    assert.deepEqual([width, height, data.length], [3, 2, 24]);
    for (let pixel = 0; pixel < 6; pixel++) {
      const expected = inside.includes(pixel) ? [1, 2, 3, 128] : [0, 0, 0, 0];
      assert.deepEqual([...data.subarray(4 * pixel, 4 * pixel + 4)], expected, `pixel ${pixel}`);
    }
  });
});
