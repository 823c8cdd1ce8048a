import type { BinaryMask } from '@tessera/masks';
import type { MaskLogits } from '../vision/mask-logits.js';

/**
 * Sets the pixels of `mask` whose logit, interpolated bilinearly from pixel centre to pixel centre, is above 0; the
 * others stay as they are. Past the outermost centres the logits go on unchanged.
 *
 * Along a row a bilinear surface is linear between two columns of logits, so it crosses 0 at most once there: only the
 * crossings are computed, and the runs between them are filled. The cost is `H · side` plus the filled pixels, and the
 * memory one row of logits.
 *
 * @returns how many pixels are above 0
 */
export function paintLogits(mask: BinaryMask, logits: MaskLogits): number {
  const { height, width, data } = mask;
  const { side } = logits;
  const row = new Float64Array(side);
  const columnsPerPixel = (logits.imageWidth * side) / width;
  const rowsPerPixel = (logits.imageHeight * side) / height;
  const firstPixelAfter = (column: number): number =>
    Math.min(width, Math.max(0, Math.floor((column + 0.5) / columnsPerPixel - 0.5) + 1));
  const firstPixelFrom = (column: number): number =>
    Math.min(width, Math.max(0, Math.ceil((column + 0.5) / columnsPerPixel - 0.5)));

  let painted = 0;
  const paint = (y: number, start: number, end: number): void => {
    if (start >= end) return;
    data.fill(1, y * width + start, y * width + end);
    painted += end - start;
  };

  for (let y = 0; y < height; y++) {
    interpolateRows(row, logits, (y + 0.5) * rowsPerPixel - 0.5);
    let current = row[0] ?? 0;
    let start = 0;
    for (let column = 1; column < side; column++) {
      const next = row[column] ?? 0;
      if (current > 0 !== next > 0) {
        const crossing = column - 1 + current / (current - next);
        if (current > 0) paint(y, start, firstPixelFrom(crossing));
        else start = firstPixelAfter(crossing);
      }
      current = next;
    }
    if (current > 0) paint(y, start, width);
  }
  return painted;
}

/** The logit of a pixel as {@link paintLogits} interpolates it. */
export function logitAt(
  logits: MaskLogits,
  { width, height }: { readonly width: number; readonly height: number },
  pixel: { readonly x: number; readonly y: number },
): number {
  const { side } = logits;
  const row = new Float64Array(side);
  interpolateRows(row, logits, (pixel.y + 0.5) * ((logits.imageHeight * side) / height) - 0.5);
  const column = Math.min(side - 1, Math.max(0, (pixel.x + 0.5) * ((logits.imageWidth * side) / width) - 0.5));
  const before = row[Math.floor(column)] ?? 0;
  return before + ((row[Math.floor(column) + 1] ?? before) - before) * (column - Math.floor(column));
}

/** One row of the surface at a height given in rows of logits. */
function interpolateRows(target: Float64Array, { data, side }: MaskLogits, height: number): void {
  const clamped = Math.min(side - 1, Math.max(0, height));
  const above = Math.floor(clamped) * side;
  const below = Math.min(side - 1, Math.floor(clamped) + 1) * side;
  const share = clamped - Math.floor(clamped);
  for (let column = 0; column < side; column++) {
    const upper = data[above + column] ?? 0;
    target[column] = upper + ((data[below + column] ?? 0) - upper) * share;
  }
}
