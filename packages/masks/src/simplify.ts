import { cross, distanceToSegment, isInTriangle, type Point } from './plane.js';
import { withStraightSteps } from './straight-steps.js';

/** How far the outline moves where a step of one pixel becomes a slope. */
const stepTolerance = 0.5;
const fewestPoints = 3;
/** Of distances in pixels: points on one line are a little beside it in floating-point numbers. */
const rounding = 1e-9;

/**
 * Contours of {@link maskToPolygons} with fewer points. No point of the given contours is farther than `tolerance` pixels from
 * the new ones. Each contour stays, with its direction and at least three points, and none comes to cross itself or another,
 * so that filling all of them by the even-odd rule still gives the parts and holes of the mask.
 *
 * Steps of one pixel become slopes first, if the tolerance allows it. Then points are removed, those that matter least
 * first, as long as the triangle with both neighbours holds no other point (Visvalingam & Whyatt 1993, with the distance of
 * Douglas & Peucker 1973 as the measure).
 *
 * @param tolerance - in pixels; 0 gives back the contours
 */
export function simplifyPolygons(polygons: readonly number[][], tolerance: number): number[][] {
  if (tolerance <= 0) return [...polygons];
  const smooth = tolerance >= stepTolerance ? polygons.map(withStraightSteps) : polygons;
  const rest = tolerance - (tolerance >= stepTolerance ? stepTolerance : 0);
  const rings = new Rings(smooth);
  for (const share of [0, 0.25, 0.5, 1]) rings.removePoints(rest * share);
  return rings.polygons();
}

/** The points of all contours, each linked to its neighbours among those that are left. */
class Rings {
  readonly #x: Float64Array;
  readonly #y: Float64Array;
  readonly #previous: Int32Array;
  readonly #next: Int32Array;
  readonly #isLeft: Uint8Array;
  /** Whether a point was found to be needed since its neighbours changed last. */
  readonly #isNeeded: Uint8Array;
  readonly #rings: { readonly start: number; readonly end: number; head: number; size: number }[] = [];
  readonly #rows: PointRows;

  constructor(polygons: readonly (readonly number[])[]) {
    const count = polygons.reduce((sum, polygon) => sum + polygon.length / 2, 0);
    this.#x = new Float64Array(count);
    this.#y = new Float64Array(count);
    this.#previous = new Int32Array(count);
    this.#next = new Int32Array(count);
    this.#isLeft = new Uint8Array(count).fill(1);
    this.#isNeeded = new Uint8Array(count);
    let start = 0;
    for (const polygon of polygons) {
      const size = polygon.length / 2;
      for (let index = 0; index < size; index++) {
        this.#x[start + index] = polygon[2 * index] ?? 0;
        this.#y[start + index] = polygon[2 * index + 1] ?? 0;
        this.#previous[start + index] = start + ((index + size - 1) % size);
        this.#next[start + index] = start + ((index + 1) % size);
      }
      this.#rings.push({ start, end: start + size, head: start, size });
      start += size;
    }
    this.#rows = new PointRows(this.#x, this.#y);
  }

  /** Removes points while the contours stay within the tolerance of what they were, never two neighbours in one round. */
  removePoints(tolerance: number): void {
    this.#isNeeded.fill(0);
    for (let removed = true; removed;) {
      removed = false;
      for (const ring of this.#rings) {
        let point = ring.head;
        for (let steps = ring.size; steps > 0; steps--) {
          const next = this.#nextOf(point);
          if (this.#isNeeded[point] === 0 && ring.size > fewestPoints) {
            if (this.#canGo(point, ring, tolerance)) {
              this.#remove(point, ring);
              removed = true;
              steps--;
              point = this.#nextOf(next);
              continue;
            }
            this.#isNeeded[point] = 1;
          }
          point = next;
        }
      }
    }
  }

  polygons(): number[][] {
    return this.#rings.map(({ head, size }) => {
      const polygon: number[] = [];
      for (let point = head, index = 0; index < size; index++, point = this.#nextOf(point)) {
        polygon.push(...this.#at(point));
      }
      return polygon;
    });
  }

  #canGo(
    point: number,
    { start, end, size }: { start: number; end: number; size: number },
    tolerance: number,
  ): boolean {
    const before = this.#previousOf(point);
    const after = this.#nextOf(point);
    const [a, b, c] = [this.#at(before), this.#at(point), this.#at(after)];
    // The last triangle of a contour has an area.
    if (size === fewestPoints + 1 && cross(a, c, this.#at(this.#nextOf(after))) === 0) return false;
    for (let passed = before + 1; passed !== after; passed++) {
      if (passed === end) passed = start;
      if (passed === after) break;
      if (distanceToSegment(this.#at(passed), a, c) > tolerance + rounding) return false;
    }
    // Where contours touch, another point is at the place of one of the three: these stay as they are.
    return !this.#rows.some(a, b, c, (other) => {
      if (this.#isLeft[other] === 0 || other === before || other === point || other === after) return false;
      return isInTriangle(this.#at(other), a, b, c);
    });
  }

  #remove(point: number, ring: { head: number; size: number }): void {
    const before = this.#previousOf(point);
    const after = this.#nextOf(point);
    this.#next[before] = after;
    this.#previous[after] = before;
    this.#isLeft[point] = 0;
    this.#isNeeded[before] = 0;
    this.#isNeeded[after] = 0;
    if (ring.head === point) ring.head = after;
    ring.size -= 1;
  }

  #at(point: number): Point {
    return [this.#x[point] ?? 0, this.#y[point] ?? 0];
  }

  #nextOf(point: number): number {
    return this.#next[point] ?? 0;
  }

  #previousOf(point: number): number {
    return this.#previous[point] ?? 0;
  }
}

/** Points whose y is a multiple of one half, found by their places. */
class PointRows {
  readonly #x: Float64Array;
  /** The points from top to bottom, those of a row from left to right. */
  readonly #order: Uint32Array;
  /** Where each row begins in the order. */
  readonly #starts: Uint32Array;

  constructor(x: Float64Array, y: Float64Array) {
    this.#x = x;
    this.#order = Uint32Array.from(x.keys()).sort(
      (one, other) => (y[one] ?? 0) - (y[other] ?? 0) || (x[one] ?? 0) - (x[other] ?? 0),
    );
    const rows = 2 * (y[this.#order.at(-1) ?? 0] ?? 0) + 2;
    this.#starts = new Uint32Array(rows + 1);
    for (const value of y) this.#starts[2 * value + 1] = (this.#starts[2 * value + 1] ?? 0) + 1;
    for (let row = 1; row <= rows; row++) this.#starts[row] = (this.#starts[row] ?? 0) + (this.#starts[row - 1] ?? 0);
  }

  /** Whether any point near a triangle passes the check; all that are in it or on its sides are near. */
  some(a: Point, b: Point, c: Point, check: (point: number) => boolean): boolean {
    const bottom = 2 * Math.max(a[1], b[1], c[1]);
    for (let row = 2 * Math.min(a[1], b[1], c[1]); row <= bottom; row++) {
      const end = this.#starts[row + 1] ?? 0;
      let place = this.#starts[row] ?? 0;
      if (place === end) continue;
      const [left, right] = extent([a, b, c], row / 2);
      place = this.#firstFrom(left, place, end);
      for (; place < end; place++) {
        const point = this.#order[place] ?? 0;
        if ((this.#x[point] ?? 0) > right) break;
        if (check(point)) return true;
      }
    }
    return false;
  }

  #firstFrom(left: number, from: number, end: number): number {
    let [low, high] = [from, end];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#x[this.#order[middle] ?? 0] ?? 0) < left) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** A little more than the triangle's extent on a line of constant y that meets it. */
function extent(corners: readonly [Point, Point, Point], y: number): [left: number, right: number] {
  const slack = 1e-6;
  let [left, right] = [Infinity, -Infinity];
  corners.forEach(([x1, y1], index) => {
    const [x2, y2] = corners[(index + 1) % corners.length] ?? [x1, y1];
    if (Math.min(y1, y2) > y || Math.max(y1, y2) < y) return;
    const places = y1 === y2 ? [x1, x2] : [x1 + ((x2 - x1) * (y - y1)) / (y2 - y1)];
    left = Math.min(left, ...places);
    right = Math.max(right, ...places);
  });
  return [left - slack, right + slack];
}
