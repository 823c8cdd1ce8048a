import type { BinaryMask } from './binary-mask.js';

/** OpenCV walks along edges in steps of 2⁻¹⁶ pixels. */
const fixedPoint = 65_536;

interface Edge {
  readonly top: number;
  readonly bottom: number;
  /** At the top, in steps. */
  readonly x: number;
  /** Steps a row. */
  readonly slope: number;
}

/**
 * Paints a polygon with its boundary, even–odd, as OpenCV's `polylines` (closed, one pixel wide) and `fillPoly` do for
 * corners of type int32 (version 5; earlier ones differ by single pixels of the boundary). The annotations of ReasonSeg
 * are defined by them. Edges that leave the mask stay where they are; OpenCV moves their ends to its border.
 *
 * @param mask - changed in place; bytes may be labels other than 0 and 1
 * @param corners - `[x, y]` in pixels, cut to whole numbers; the polygon may reach out of the mask
 * @param label - what the painted pixels get
 * @throws RangeError for coordinates that are no numbers
 */
export function paintPolygon(mask: BinaryMask, corners: readonly (readonly [number, number])[], label: number): void {
  const points = corners.map(([x, y]) => [Math.trunc(x), Math.trunc(y)] as const);
  if (!points.flat().every(Number.isFinite)) throw new RangeError('A corner of a polygon is not two numbers.');
  const edges: Edge[] = [];
  for (const [index, point] of points.entries()) {
    const next = points[(index + 1) % points.length] ?? point;
    paintLine(mask, point, next, label);
    const [upper, lower] = point[1] < next[1] ? [point, next] : [next, point];
    if (upper[1] === lower[1]) continue;
    const slope = Math.trunc(((lower[0] - upper[0]) * fixedPoint) / (lower[1] - upper[1]));
    edges.push({ top: upper[1], bottom: lower[1], x: upper[0] * fixedPoint, slope });
  }
  fillRows(mask, edges, label);
}

function fillRows({ height, width, data }: BinaryMask, edges: readonly Edge[], label: number): void {
  const first = Math.max(0, Math.min(...edges.map(({ top }) => top)));
  const last = Math.min(height, Math.max(...edges.map(({ bottom }) => bottom)));
  for (let row = first; row < last; row++) {
    const places = edges
      .filter(({ top, bottom }) => top <= row && row < bottom)
      .map(({ top, x, slope }) => x + slope * (row - top))
      .sort((left, right) => left - right);
    for (let pair = 0; pair + 1 < places.length; pair += 2) {
      const from = Math.max(0, Math.ceil((places[pair] ?? 0) / fixedPoint));
      const to = Math.min(width - 1, Math.floor((places[pair + 1] ?? 0) / fixedPoint));
      if (from <= to) data.fill(label, row * width + from, row * width + to + 1);
    }
  }
}

/** Bresenham's line from left to right, which decides how ties are rounded. */
function paintLine(
  { height, width, data }: BinaryMask,
  one: readonly [number, number],
  other: readonly [number, number],
  label: number,
): void {
  const [[startX, startY], [endX, endY]] = one[0] <= other[0] ? [one, other] : [other, one];
  const [spanX, spanY] = [endX - startX, Math.abs(endY - startY)];
  const down = endY < startY ? -1 : 1;
  const isFlat = spanX >= spanY;
  const [long, short] = isFlat ? [spanX, spanY] : [spanY, spanX];
  let error = long - 2 * short;
  let [x, y] = [startX, startY];
  for (let step = 0; step <= long; step++) {
    if (x >= 0 && x < width && y >= 0 && y < height) data[y * width + x] = label;
    const moves = error < 0;
    error += (moves ? 2 * long : 0) - 2 * short;
    if (isFlat || moves) x += 1;
    if (!isFlat || moves) y += down;
  }
}
