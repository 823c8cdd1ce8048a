import { assertMask, type BinaryMask } from './binary-mask.js';

/** RGB, 8 bits, row by row. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** `[H, W, 3]` */
  readonly data: Uint8Array;
}

export interface OverlayStyle {
  /** `[red, green, blue]`, 0 to 255. */
  readonly colour: readonly [number, number, number];
  /** How much of the picture the colour covers inside the mask: 0 to 1. */
  readonly opacity: number;
  /** How wide the outline is, in pixels of the picture; it lies inside the mask. 0: no outline. */
  readonly outlinePixels: number;
}

/**
 * Draws a mask over a picture, in place. The picture may be larger or smaller than the mask, which is stretched over it.
 *
 * @throws RangeError if `mask` is not a mask.
 */
export function paintOverlay(
  picture: Picture,
  mask: BinaryMask,
  { colour, opacity, outlinePixels }: OverlayStyle,
): void {
  assertMask(mask);
  const { width, height, data } = picture;
  const covered = stretched(mask, width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const pixel = y * width + x;
      if (covered[pixel] !== 1) continue;
      const share = isOutline(covered, width, height, x, y, outlinePixels) ? 1 : opacity;
      for (const [channel, value] of colour.entries()) {
        const index = 3 * pixel + channel;
        const below = data[index] ?? 0;
        data[index] = Math.round(below + (value - below) * share);
      }
    }
  }
}

/** A mask at another size: each pixel is that of the mask at its centre. */
function stretched({ width: from, height: rows, data }: BinaryMask, width: number, height: number): Uint8Array {
  if (from === width && rows === height) return data;
  const result = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const row = Math.floor(((y + 0.5) * rows) / height) * from;
    for (let x = 0; x < width; x++) {
      result[y * width + x] = data[row + Math.floor(((x + 0.5) * from) / width)] ?? 0;
    }
  }
  return result;
}

/** Whether a pixel of the mask has one outside of it so near; the picture's border is no outline. */
function isOutline(
  covered: Uint8Array,
  width: number,
  height: number,
  x: number,
  y: number,
  outlinePixels: number,
): boolean {
  for (let distance = 1; distance <= outlinePixels; distance++) {
    const pixel = y * width + x;
    if (
      (x >= distance && covered[pixel - distance] === 0) ||
      (x + distance < width && covered[pixel + distance] === 0) ||
      (y >= distance && covered[pixel - distance * width] === 0) ||
      (y + distance < height && covered[pixel + distance * width] === 0)
    ) {
      return true;
    }
  }
  return false;
}
