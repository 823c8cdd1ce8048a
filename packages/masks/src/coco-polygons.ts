import { createMask, type BinaryMask } from './binary-mask.js';
import { unionOfMasks } from './overlap.js';
import { runsToMask } from './rle-runs.js';

/** pycocotools draws boundaries this much finer than pixels. */
const scale = 5;

/**
 * The mask of an annotation's polygons, each a list x, y, x, y … in pixels: the union of what is inside of them, pixel for
 * pixel as pycocotools draws it (`rleFrPoly` of https://github.com/ppwwyyxx/cocoapi, `common/maskApi.c`).
 *
 * @throws RangeError for a size that no mask has, or a polygon whose coordinates are not pairs of finite numbers
 */
export function polygonsToMask(polygons: readonly (readonly number[])[], height: number, width: number): BinaryMask {
  const empty = createMask(height, width);
  return unionOfMasks([empty, ...polygons.map((polygon) => polygonToMask(polygon, height, width))]);
}

function polygonToMask(polygon: readonly number[], height: number, width: number): BinaryMask {
  if (polygon.length % 2 !== 0 || !polygon.every(Number.isFinite)) {
    throw new RangeError('A polygon is not a list x, y, x, y … of numbers.');
  }
  const changes = crossings(denseBoundary(polygon), height, width).sort();
  const runs = new Uint32Array(changes.length + 1);
  let previous = 0;
  for (const [index, change] of changes.entries()) {
    runs[index] = change - previous;
    previous = change;
  }
  runs[changes.length] = height * width - previous;
  return runsToMask(height, width, runs);
}

/** Points all along the boundary on the finer grid: x, y, x, y … */
function denseBoundary(polygon: readonly number[]): number[] {
  const corners = polygon.map((coordinate) => Math.trunc(scale * coordinate + 0.5));
  const points: number[] = [];
  for (let corner = 0; corner < corners.length; corner += 2) {
    const next = (corner + 2) % corners.length;
    const [fromX = 0, fromY = 0] = [corners[corner], corners[corner + 1]];
    const [toX = 0, toY = 0] = [corners[next], corners[next + 1]];
    const [spanX, spanY] = [Math.abs(toX - fromX), Math.abs(toY - fromY)];
    const isFlat = spanX >= spanY;
    const isBackwards = isFlat ? fromX > toX : fromY > toY;
    const [startX, startY, endX, endY] = isBackwards ? [toX, toY, fromX, fromY] : [fromX, fromY, toX, toY];
    const span = isFlat ? spanX : spanY;
    const slope = span === 0 ? 0 : (isFlat ? endY - startY : endX - startX) / span;
    for (let step = 0; step <= span; step++) {
      const along = isBackwards ? span - step : step;
      if (isFlat) points.push(startX + along, Math.trunc(startY + slope * along + 0.5));
      else points.push(Math.trunc(startX + slope * along + 0.5), startY + along);
    }
  }
  return points;
}

/** Where a column's pixels change from outside to inside or back, as places in column-major order. */
function crossings(points: readonly number[], height: number, width: number): Float64Array {
  const places: number[] = [];
  for (let index = 2; index < points.length; index += 2) {
    const [beforeX = 0, beforeY = 0] = [points[index - 2], points[index - 1]];
    const [x = 0, y = 0] = [points[index], points[index + 1]];
    if (x === beforeX) continue;
    const column = ((x < beforeX ? x : x - 1) + 0.5) / scale - 0.5;
    if (!Number.isInteger(column) || column < 0 || column > width - 1) continue;
    const row = Math.ceil(Math.min(height, Math.max(0, (Math.min(y, beforeY) + 0.5) / scale - 0.5)));
    places.push(column * height + row);
  }
  return Float64Array.from(places);
}
