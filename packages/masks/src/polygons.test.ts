import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createMask, type BinaryMask } from './binary-mask.js';
import { anyMask, maskOf } from './mask-arbitraries.js';
import { maskToPolygons, PolygonLimitError } from './polygons.js';

function pointsOf(polygon: number[]): [x: number, y: number][] {
  assert.equal(polygon.length % 2, 0);
  return Array.from({ length: polygon.length / 2 }, (_, index) => [
    polygon[2 * index] ?? 0,
    polygon[2 * index + 1] ?? 0,
  ]);
}

/** Every point of a polygon with the one after it. */
function sidesOf(polygon: number[]): { from: [number, number]; to: [number, number] }[] {
  const points = pointsOf(polygon);
  return points.map((from, index) => ({ from, to: points[(index + 1) % points.length] ?? from }));
}

/** Even-odd: a pixel is inside if the ray from its centre to the left crosses an odd number of vertical sides. */
function rasterise(height: number, width: number, polygons: number[][]): BinaryMask {
  const mask = createMask(height, width);
  for (const { from, to } of polygons.flatMap(sidesOf)) {
    if (from[0] === to[0]) {
      for (let y = Math.min(from[1], to[1]); y < Math.max(from[1], to[1]); y++) {
        for (let x = from[0]; x < width; x++) {
          mask.data[y * width + x] = 1 - (mask.data[y * width + x] ?? 0);
        }
      }
    }
  }
  return mask;
}

/** Positive if clockwise on a screen, where y grows downwards. */
function signedArea(polygon: number[]): number {
  return sidesOf(polygon).reduce((sum, { from, to }) => sum + (from[0] * to[1] - to[0] * from[1]) / 2, 0);
}

/** How many 8-connected components a mask has, by flooding from each pixel that no flood has reached. */
function componentsOf({ height, width, data }: BinaryMask): number {
  const unreached = data.slice();
  let count = 0;
  for (let seed = 0; seed < data.length; seed++) {
    count += unreached[seed] ?? 0;
    const queue = [seed];
    for (let pixel = queue.pop(); pixel !== undefined; pixel = queue.pop()) {
      if (unreached[pixel] !== 1) continue;
      unreached[pixel] = 0;
      const row = Math.floor(pixel / width);
      const column = pixel % width;
      for (let y = Math.max(row - 1, 0); y <= Math.min(row + 1, height - 1); y++) {
        for (let x = Math.max(column - 1, 0); x <= Math.min(column + 1, width - 1); x++) queue.push(y * width + x);
      }
    }
  }
  return count;
}

describe('polygons', () => {
  it('follow the edges of a pixel clockwise', () => {
    assert.deepEqual(maskToPolygons(maskOf('...', '.#.', '...')), [[1, 1, 2, 1, 2, 2, 1, 2]]);
  });

  it('reach the borders of a full mask', () => {
    assert.deepEqual(maskToPolygons(maskOf('###', '###')), [[0, 0, 3, 0, 3, 2, 0, 2]]);
  });

  it('are none for an empty mask', () => {
    assert.deepEqual(maskToPolygons(createMask(3, 4)), []);
  });

  it('go round holes counter-clockwise', () => {
    assert.deepEqual(maskToPolygons(maskOf('###', '#.#', '###')), [
      [0, 0, 3, 0, 3, 3, 0, 3],
      [2, 1, 1, 1, 1, 2, 2, 2],
    ]);
  });

  it('pass through a corner where two pixels touch', () => {
    for (const mask of [maskOf('#.', '.#'), maskOf('.#', '#.')]) {
      const polygons = maskToPolygons(mask);
      assert.equal(polygons.length, 1);
      assert.equal(pointsOf(polygons[0] ?? []).length, 8);
      assert.deepEqual(rasterise(2, 2, polygons), mask);
    }
  });

  it('fill to the mask again by the even-odd rule', () => {
    fc.assert(
      fc.property(anyMask, (mask) => {
        assert.deepEqual(rasterise(mask.height, mask.width, maskToPolygons(mask)), mask);
      }),
      { numRuns: 1000 },
    );
  });

  it('turn at every point', () => {
    fc.assert(
      fc.property(anyMask, (mask) => {
        for (const polygon of maskToPolygons(mask)) {
          const horizontal = sidesOf(polygon).map(({ from, to }) => {
            assert.notDeepEqual(from, to);
            assert.ok(from[0] === to[0] || from[1] === to[1]);
            return from[1] === to[1];
          });
          assert.ok(horizontal.every((isHorizontal, index) => isHorizontal === (index % 2 === 0)));
        }
      }),
    );
  });

  it('have one outer contour for each component', () => {
    fc.assert(
      fc.property(anyMask, (mask) => {
        const outer = maskToPolygons(mask).filter((polygon) => signedArea(polygon) > 0);
        assert.equal(outer.length, componentsOf(mask));
      }),
      { numRuns: 500 },
    );
  });

  it('are refused beyond the limit of corners', () => {
    const mask = maskOf('#.#');
    assert.equal(maskToPolygons(mask, { maximumCorners: 8 }).flat().length, 16);
    assert.throws(() => maskToPolygons(mask, { maximumCorners: 7 }), PolygonLimitError);
  });

  it('are refused by default for a chequered megapixel', () => {
    const mask = createMask(2100, 2000);
    for (let index = 0; index < mask.data.length; index++) {
      mask.data[index] = (index + Math.floor(index / 2000)) % 2;
    }
    assert.throws(() => maskToPolygons(mask), PolygonLimitError);
  });
});
