import fc from 'fast-check';
import { createMask, type BinaryMask } from './binary-mask.js';

const maximumSide = 21;
const side = fc.integer({ min: 1, max: maximumSide });

/** A mask from rows of characters, `#` inside. */
export function maskOf(...rows: string[]): BinaryMask {
  const data = Uint8Array.from(rows.join(''), (character) => (character === '#' ? 1 : 0));
  return createMask(rows.length, rows[0]?.length ?? 0, data);
}

function noise(height: number, width: number): fc.Arbitrary<BinaryMask> {
  const pixels = height * width;
  return fc.uint8Array({ minLength: pixels, maxLength: pixels, max: 1 }).map((data) => createMask(height, width, data));
}

/** Rectangles that toggle what is under them: flat areas, holes, and pixels that meet at corners. */
function rectangles(height: number, width: number): fc.Arbitrary<BinaryMask> {
  const coordinate = fc.nat(maximumSide);
  return fc.array(fc.tuple(coordinate, coordinate, coordinate, coordinate), { maxLength: 6 }).map((corners) => {
    const mask = createMask(height, width);
    for (const [top, bottom, left, right] of corners) {
      for (let row = top; row < Math.min(bottom, height); row++) {
        for (let column = left; column < Math.min(right, width); column++) {
          mask.data[row * width + column] = 1 - (mask.data[row * width + column] ?? 0);
        }
      }
    }
    return mask;
  });
}

/** Masks of any shape up to 21 by 21 pixels. */
export const anyMask = fc
  .tuple(side, side)
  .chain(([height, width]) => fc.oneof(noise(height, width), rectangles(height, width)));

/** Two masks of one size. */
export const anyMaskPair = fc
  .tuple(side, side)
  .chain(([height, width]) => fc.tuple(noise(height, width), rectangles(height, width)));
