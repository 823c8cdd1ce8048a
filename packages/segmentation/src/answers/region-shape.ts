import type { BinaryMask } from '@tessera/masks';
import type { Box } from '../vision/box.js';

/**
 * Sets the pixels of `mask` whose centres lie in the superellipse |u|ᵉ + |v|ᵉ ≤ 1 that touches the sides of a box, with
 * u and v running from −1 to 1 across it: the ellipse for exponent 2, towards the rectangle as it grows. A box that no
 * pixel centre lies in sets the pixel around its middle.
 *
 * @param box - in shares of the mask's width and height
 * @returns how many pixels the shape has
 */
export function paintRegionShape(mask: BinaryMask, box: Box, exponent: number): number {
  const { height, width, data } = mask;
  const centreX = ((box[0] + box[2]) / 2) * width;
  const centreY = ((box[1] + box[3]) / 2) * height;
  const radiusX = ((box[2] - box[0]) / 2) * width;
  const radiusY = ((box[3] - box[1]) / 2) * height;
  let painted = 0;
  for (let y = firstCentre(centreY - radiusY); y < Math.min(height, endCentre(centreY + radiusY)); y++) {
    const v = Math.min(1, Math.abs(y + 0.5 - centreY) / radiusY);
    const reach = radiusX * (1 - v ** exponent) ** (1 / exponent);
    const start = firstCentre(centreX - reach);
    const end = Math.min(width, endCentre(centreX + reach));
    if (start < end) {
      data.fill(1, y * width + start, y * width + end);
      painted += end - start;
    }
  }
  if (painted > 0) return painted;
  const x = Math.min(width - 1, Math.max(0, Math.floor(centreX)));
  const y = Math.min(height - 1, Math.max(0, Math.floor(centreY)));
  data[y * width + x] = 1;
  return 1;
}

/** The first pixel whose centre is not before an edge. */
function firstCentre(edge: number): number {
  return Math.max(0, Math.ceil(edge - 0.5));
}

/** One past the last pixel whose centre is not after an edge. */
function endCentre(edge: number): number {
  return Math.floor(edge - 0.5) + 1;
}
