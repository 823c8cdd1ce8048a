import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMask, encodeRle, type BinaryMask } from '@tessera/masks';
import { regionsOf } from './regions.js';

function drawn(height: number, width: number, isInside: (x: number, y: number) => boolean): BinaryMask {
  const mask = createMask(height, width);
  for (let index = 0; index < mask.data.length; index++) {
    if (isInside(index % width, Math.floor(index / width))) mask.data[index] = 1;
  }
  return mask;
}

const place = { fromName: 'tool', toName: 'image', label: 'Dog', score: 0.9, width: 200, height: 100 } as const;
const regions = (kind: 'brushlabels' | 'polygonlabels' | 'rectanglelabels', mask: BinaryMask) =>
  regionsOf({ ...place, kind, mask: encodeRle(mask) });

describe('regions of an object', () => {
  const square = drawn(100, 200, (x, y) => x >= 20 && x < 120 && y >= 10 && y < 60);

  it('have the fields that Label Studio reads', () => {
    const [region] = regions('rectanglelabels', square);
    const { id, ...rest } = region ?? assert.fail();
    assert.match(id, /^[0-9a-f]{10}$/);
    assert.deepEqual(rest, {
      from_name: 'tool',
      to_name: 'image',
      type: 'rectanglelabels',
      original_width: 200,
      original_height: 100,
      image_rotation: 0,
      score: 0.9,
      value: { x: 10, y: 10, width: 50, height: 50, rotation: 0, rectanglelabels: ['Dog'] },
    });
  });

  it('are polygons in per cent, one per part, without holes and specks', () => {
    const ring = (x: number, y: number) =>
      x >= 20 && x < 120 && y >= 10 && y < 60 && !(x > 40 && x < 60 && y > 20 && y < 40);
    const part = (x: number, y: number) => x >= 150 && x < 170 && y >= 50 && y < 70;
    const found = regions(
      'polygonlabels',
      drawn(100, 200, (x, y) => ring(x, y) || part(x, y) || (x === 190 && y === 5)),
    );
    const points = found.map((region) => (region.type === 'polygonlabels' ? region.value.points : assert.fail()));
    assert.equal(points.length, 2);
    const bounds = points.map((polygon) => [
      Math.min(...polygon.map(([x = 0]) => x)),
      Math.min(...polygon.map(([, y = 0]) => y)),
      Math.max(...polygon.map(([x = 0]) => x)),
      Math.max(...polygon.map(([, y = 0]) => y)),
    ]);
    assert.deepEqual(bounds, [
      [10, 10, 60, 60],
      [75, 50, 85, 70],
    ]);
    assert.ok(points.every((polygon) => polygon.length === 4));
  });

  it('are a speck when there is nothing else, and none for an empty mask', () => {
    assert.equal(
      regions(
        'polygonlabels',
        drawn(100, 200, (x, y) => x === 3 && y === 4),
      ).length,
      1,
    );
    for (const kind of ['brushlabels', 'polygonlabels', 'rectanglelabels'] as const) {
      assert.deepEqual(regions(kind, createMask(100, 200)), []);
    }
  });

  it('of a brush are the mask as bytes', () => {
    const [region] = regions('brushlabels', square);
    assert.ok(region?.type === 'brushlabels');
    assert.deepEqual(region.value.rle.slice(0, 4), [0, 1, 0x38, 0x80], '80 000 values');
    assert.ok(region.value.rle.every((byte) => Number.isInteger(byte) && byte >= 0 && byte < 256));
  });
});
