import type { Mask } from '@tessera/contracts';
import { decodeRle, type BinaryMask } from '@tessera/masks';

/** Red, green, blue from 0 to 255, and optionally the opacity from 0 to 1. */
export type Colour = readonly [red: number, green: number, blue: number, opacity?: number];

/** Pixels as `ImageData` of a canvas has them: `data` is `[H, W, 4]`, RGBA, not premultiplied. */
export interface RgbaImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray | Uint8Array;
}

/**
 * The pixels of an answer's mask, `[H, W]`.
 *
 * @throws TypeError when the mask was asked for as polygons or PNG
 * @throws RleError when it is malformed
 */
export function decodeMask(mask: Mask): BinaryMask {
  if (!('counts' in mask)) throw new TypeError('Only masks of the formats rle and rle_uncompressed are decoded.');
  return decodeRle(mask);
}

/**
 * Paints the pixels of a mask over an opaque image of the same size, in place.
 *
 * @param opacity - of the paint where the colour has none; 0.5 by default
 * @throws RangeError when the sizes differ
 */
export function paintMask(image: RgbaImage, mask: BinaryMask, [red, green, blue, opacity = 0.5]: Colour): void {
  const { width, height, data } = image;
  if (width !== mask.width || height !== mask.height || data.length !== 4 * mask.data.length) {
    throw new RangeError(`A mask of ${mask.width} by ${mask.height} pixels does not fit ${width} by ${height}.`);
  }
  const paint = [red, green, blue, 255];
  for (let pixel = 0; pixel < mask.data.length; pixel++) {
    if (mask.data[pixel] === 0) continue;
    for (let channel = 0; channel < 4; channel++) {
      const index = 4 * pixel + channel;
      const before = data[index] ?? 0;
      data[index] = Math.round(before + opacity * ((paint[channel] ?? 0) - before));
    }
  }
}

/** A mask as a transparent picture with the mask's pixels in one colour, to lie over the image. */
export function maskImage(
  mask: BinaryMask,
  colour: Colour,
): RgbaImage & { readonly data: Uint8ClampedArray<ArrayBuffer> } {
  const [red, green, blue, opacity = 0.5] = colour;
  const data = new Uint8ClampedArray(4 * mask.data.length);
  for (let pixel = 0; pixel < mask.data.length; pixel++) {
    if (mask.data[pixel] === 1) data.set([red, green, blue, 255 * opacity], 4 * pixel);
  }
  return { width: mask.width, height: mask.height, data };
}
