import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createMask, type BinaryMask } from './binary-mask.js';
import { anyMask, maskOf } from './mask-arbitraries.js';
import { maskArea } from './measure.js';
import { intersectionOverUnion } from './overlap.js';
import { cross, distanceToSegment, type Point } from './plane.js';
import { maskToPolygons } from './polygons.js';
import { simplifyPolygons } from './simplify.js';

function pointsOf(polygon: readonly number[]): Point[] {
  return Array.from({ length: polygon.length / 2 }, (_, index) => [
    polygon[2 * index] ?? 0,
    polygon[2 * index + 1] ?? 0,
  ]);
}

function sidesOf(polygon: readonly number[]): (readonly [Point, Point])[] {
  const points = pointsOf(polygon);
  return points.map((from, index) => [from, points[(index + 1) % points.length] ?? from]);
}

/** The pixels whose centres are inside by the even-odd rule. */
function rasterise(height: number, width: number, polygons: readonly number[][]): BinaryMask {
  const mask = createMask(height, width);
  const sides = polygons.flatMap(sidesOf);
  for (let row = 0; row < height; row++) {
    const y = row + 0.5 + 1e-9;
    const crossings = sides
      .filter(([from, to]) => from[1] > y !== to[1] > y)
      .map(([from, to]) => from[0] + ((to[0] - from[0]) * (y - from[1])) / (to[1] - from[1]))
      .sort((one, other) => one - other);
    for (let column = 0; column < width; column++) {
      mask.data[row * width + column] = crossings.filter((x) => x <= column + 0.5).length % 2;
    }
  }
  return mask;
}

function signedArea(polygon: readonly number[]): number {
  return sidesOf(polygon).reduce((sum, [from, to]) => sum + (from[0] * to[1] - to[0] * from[1]) / 2, 0);
}

/** Whether two sides have a point in common that is inside both. */
function haveCrossed([a, b]: readonly [Point, Point], [c, d]: readonly [Point, Point]): boolean {
  return (
    Math.sign(cross(a, b, c)) * Math.sign(cross(a, b, d)) < 0 &&
    Math.sign(cross(c, d, a)) * Math.sign(cross(c, d, b)) < 0
  );
}

function maskFrom(height: number, width: number, isInside: (x: number, y: number) => boolean): BinaryMask {
  const data = Uint8Array.from({ length: height * width }, (_, index) =>
    isInside((index % width) + 0.5, Math.floor(index / width) + 0.5) ? 1 : 0,
  );
  return createMask(height, width, data);
}

const turned = (x: number, y: number, angle: number) =>
  [x * Math.cos(angle) + y * Math.sin(angle), y * Math.cos(angle) - x * Math.sin(angle)] as const;

/** Outlines as objects in photos have them, 60 to 300 pixels long. */
const shapes: Record<string, BinaryMask> = {
  'a disc': maskFrom(100, 100, (x, y) => Math.hypot(x - 50, y - 50) < 31),
  'an ellipse': maskFrom(200, 320, (x, y) => Math.hypot((x - 160) / 140, (y - 100) / 70) < 1),
  'a tilted box': maskFrom(240, 320, (x, y) => {
    const [u, v] = turned(x - 160, y - 120, 0.31);
    return Math.abs(u) < 120 && Math.abs(v) < 60;
  }),
  'a ring': maskFrom(200, 200, (x, y) => Math.abs(Math.hypot(x - 100, y - 100) - 65) < 25),
  'a star with a hole and a second part': maskFrom(300, 400, (x, y) => {
    const angle = Math.atan2(y - 150, x - 150);
    const star = Math.hypot(x - 150, y - 150) < 90 + 45 * Math.sin(5 * angle);
    return (star && Math.hypot(x - 150, y - 150) > 25) || (Math.abs(x - 345) < 30 && Math.abs(y - 60) < 40);
  }),
  'a wavy outline': maskFrom(300, 300, (x, y) => {
    const angle = Math.atan2(y - 150, x - 150);
    return Math.hypot(x - 150, y - 150) < 110 + 8 * Math.sin(17 * angle) + 4 * Math.cos(31 * angle);
  }),
};

describe('simplified polygons', () => {
  for (const [name, mask] of Object.entries(shapes)) {
    it(`of ${name} keep its pixels at a tolerance of one pixel, with a fraction of the points`, () => {
      const exact = maskToPolygons(mask);
      const simple = simplifyPolygons(exact, 1);
      const drawn = rasterise(mask.height, mask.width, simple);
      const iou = intersectionOverUnion(drawn, mask);
      assert.ok(iou >= 0.98, `IoU ${iou}`);
      assert.ok(Math.abs(maskArea(drawn) / maskArea(mask) - 1) < 0.01, 'area');
      const area = simple.reduce((sum, polygon) => sum + signedArea(polygon), 0);
      assert.ok(Math.abs(area / maskArea(mask) - 1) < 0.02, 'area between the points');
      assert.ok(simple.flat().length < exact.flat().length / 4, `${simple.flat().length} of ${exact.flat().length}`);
    });
  }

  it('of a box are the box', () => {
    const box = maskFrom(40, 60, (x, y) => x > 5 && x < 50 && y > 7 && y < 33);
    for (const tolerance of [0, 0.4, 1, 5]) {
      assert.deepEqual(simplifyPolygons(maskToPolygons(box), tolerance), maskToPolygons(box));
    }
  });

  it('of a slope of pixels are a straight line', () => {
    const half = maskFrom(64, 64, (x, y) => y > x);
    const [polygon = []] = simplifyPolygons(maskToPolygons(half), 0.5);
    assert.ok(polygon.length <= 2 * 5, polygon.join(' '));
  });

  it('are the exact ones at a tolerance of 0', () => {
    fc.assert(
      fc.property(anyMask, (mask) => {
        assert.deepEqual(simplifyPolygons(maskToPolygons(mask), 0), maskToPolygons(mask));
      }),
    );
  });

  it('stay within the tolerance, with their directions and at least three points', () => {
    fc.assert(
      fc.property(anyMask, fc.double({ min: 0.01, max: 8, noNaN: true }), (mask, tolerance) => {
        const exact = maskToPolygons(mask);
        const simple = simplifyPolygons(exact, tolerance);
        assert.equal(simple.length, exact.length);
        simple.forEach((polygon, index) => {
          const original = exact[index] ?? [];
          assert.ok(polygon.length >= 6 && polygon.length <= original.length);
          assert.equal(Math.sign(signedArea(polygon)), Math.sign(signedArea(original)));
          for (const point of pointsOf(original)) {
            const distance = Math.min(...sidesOf(polygon).map(([from, to]) => distanceToSegment(point, from, to)));
            assert.ok(distance <= tolerance + 1e-6, `${distance} at a tolerance of ${tolerance}`);
          }
        });
      }),
      { numRuns: 500 },
    );
  });

  it('never cross themselves or each other', () => {
    fc.assert(
      fc.property(anyMask, fc.double({ min: 0.01, max: 20, noNaN: true }), (mask, tolerance) => {
        const sides = simplifyPolygons(maskToPolygons(mask), tolerance).flatMap(sidesOf);
        for (const [index, side] of sides.entries()) {
          for (const other of sides.slice(index + 1)) {
            assert.ok(!haveCrossed(side, other), `${JSON.stringify(side)} crosses ${JSON.stringify(other)}`);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('keep a hole that is nearer to the outline than the tolerance inside it', () => {
    const mask = maskOf('.######.', '########', '#.######', '########', '.######.');
    const [outer = [], hole = []] = simplifyPolygons(maskToPolygons(mask), 3);
    assert.ok(signedArea(outer) > 0 && signedArea(hole) < 0);
    for (const side of sidesOf(hole)) assert.ok(sidesOf(outer).every((other) => !haveCrossed(side, other)));
  });

  it('of a large ragged mask take less than three seconds', () => {
    const noise = Array.from({ length: 2000 }, (_, index) => 756 + 256 * Math.sin(7 * index * index));
    const mask = maskFrom(2000, 2000, (x, y) => x < (noise[Math.floor(y)] ?? 0) && y > (noise[Math.floor(x)] ?? 0) / 4);
    const polygons = maskToPolygons(mask);
    const startedAt = performance.now();
    simplifyPolygons(polygons, 1);
    const elapsedMs = performance.now() - startedAt;
    assert.ok(elapsedMs < 3000, `${elapsedMs} ms for ${polygons.flat().length / 2} points`);
  });
});
