import { assertMask, type BinaryMask, type BoundingBox } from './binary-mask.js';

/**
 * Pixels inside the mask.
 *
 * @throws RangeError if `mask` is not a mask.
 */
export function maskArea(mask: BinaryMask): number {
  assertMask(mask);
  const { data } = mask;
  const pixels = data.length;
  let area = 0;
  for (let index = 0; index < pixels; index++) {
    area += data[index] ?? 0;
  }
  return area;
}

/**
 * The smallest box around the mask; `[0, 0, 0, 0]` if it is empty.
 *
 * @throws RangeError if `mask` is not a mask.
 */
export function maskBoundingBox(mask: BinaryMask): BoundingBox {
  assertMask(mask);
  const { width, data } = mask;
  const first = data.indexOf(1);
  if (first === -1) return [0, 0, 0, 0];
  const last = data.lastIndexOf(1);
  const top = Math.floor(first / width);
  const bottom = Math.floor(last / width);
  let left = first % width;
  let right = left;
  for (let row = top; row <= bottom; row++) {
    const start = row * width;
    for (let column = 0; column < left; column++) {
      if (data[start + column] === 1) left = column;
    }
    for (let column = width - 1; column > right; column--) {
      if (data[start + column] === 1) right = column;
    }
  }
  return [left, top, right - left + 1, bottom - top + 1];
}
