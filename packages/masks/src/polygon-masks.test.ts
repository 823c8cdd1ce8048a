import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { createMask } from './binary-mask.js';
import { polygonsToMask } from './coco-polygons.js';
import { paintPolygon } from './paint-polygon.js';
import { encodeRle } from './rle.js';

interface Case {
  readonly size: readonly [height: number, width: number];
  /** x, y, x, y … */
  readonly polygons: readonly (readonly number[])[];
  readonly coco: string;
  readonly opencv: string;
}

const file = new URL('../test-vectors/polygons.json', import.meta.url);
const cases = JSON.parse(readFileSync(file, 'utf8')) as Case[];

/** Moved into an image. */
const cornersOf = (polygon: readonly number[], [height, width]: Case['size'] = [60, 60]) =>
  Array.from({ length: polygon.length / 2 }, (_, corner): [number, number] => [
    Math.min(width - 1, Math.max(0, polygon[2 * corner] ?? 0)),
    Math.min(height - 1, Math.max(0, polygon[2 * corner + 1] ?? 0)),
  ]);

describe('polygonsToMask', () => {
  it('gives the masks of pycocotools', () => {
    assert.ok(cases.length >= 400);
    for (const { size, polygons, coco } of cases) {
      assert.equal(encodeRle(polygonsToMask(polygons, ...size)).counts, coco, JSON.stringify(polygons));
    }
  });

  it('gives an empty mask for no polygons, and refuses what are none', () => {
    assert.deepEqual(polygonsToMask([], 2, 3).data, new Uint8Array(6));
    assert.throws(() => polygonsToMask([[1, 2, 3]], 4, 4), RangeError);
    assert.throws(() => polygonsToMask([[1, NaN]], 4, 4), RangeError);
    assert.throws(() => polygonsToMask([], 0, 4), RangeError);
  });
});

describe('paintPolygon', () => {
  it('paints what OpenCV paints', () => {
    for (const { size, polygons, opencv } of cases) {
      const mask = createMask(...size);
      paintPolygon(mask, cornersOf(polygons[0] ?? [], size), 1);
      assert.equal(encodeRle(mask).counts, opencv, JSON.stringify(polygons[0]));
    }
  });

  it('paints any label over what is there', () => {
    const mask = createMask(3, 3);
    paintPolygon(mask, cornersOf([0, 0, 2, 0, 2, 2, 0, 2]), 1);
    paintPolygon(mask, cornersOf([1, 1]), 255);
    assert.deepEqual([...mask.data], [1, 1, 1, 1, 255, 1, 1, 1, 1]);
    paintPolygon(mask, [], 7);
    assert.equal(mask.data.includes(7), false);
    paintPolygon(
      mask,
      cornersOf([-9, -9, 9, -9, 9, 9, -9, 9]).map(([x, y]) => [2 * x - 9, 2 * y - 9]),
      3,
    );
    assert.deepEqual([...new Set(mask.data)], [3], 'a polygon that reaches out of the mask');
    assert.throws(() => {
      paintPolygon(mask, [[0, Infinity]], 1);
    }, RangeError);
  });
});
