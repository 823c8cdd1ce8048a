/**
 * A set of pixels as one byte each, row by row: `data` is `[H, W]`, 1 inside the mask and 0 outside.
 *
 * A byte a pixel costs eight times the memory of packed bits, but it is what thresholding logits yields, and every
 * function here reads it without shifting. That bytes are only ever 0 or 1 is the caller's promise: the functions
 * compute with them.
 */
export interface BinaryMask {
  readonly height: number;
  readonly width: number;
  readonly data: Uint8Array;
}

/** `[x, y, width, height]` in pixels, origin top left. */
export type BoundingBox = [x: number, y: number, width: number, height: number];

/** The most pixels that a mask may have: run lengths then fit six characters of compressed RLE and 32-bit integers. */
const maximumMaskPixels = 2 ** 29 - 1;

/** Whether height and width are positive integers of fewer than 2^29 pixels together. */
export function isMaskSize(height: number, width: number): boolean {
  return (
    Number.isInteger(height) &&
    Number.isInteger(width) &&
    height > 0 &&
    width > 0 &&
    height * width <= maximumMaskPixels
  );
}

/**
 * An empty mask, or one around existing bytes, which it does not copy.
 *
 * @throws RangeError if the size is not positive or too large, or `data` does not hold `height * width` bytes.
 */
export function createMask(height: number, width: number, data?: Uint8Array): BinaryMask {
  if (!isMaskSize(height, width)) throw new RangeError(`A mask cannot be ${height} by ${width} pixels.`);
  const mask = { height, width, data: data ?? new Uint8Array(height * width) };
  assertMask(mask);
  return mask;
}

/** @throws RangeError if the size is not positive or too large, or `data` does not hold `height * width` bytes. */
export function assertMask({ height, width, data }: BinaryMask): void {
  if (!isMaskSize(height, width) || data.length !== height * width) {
    throw new RangeError(`${data.length} bytes are no mask of ${height} by ${width} pixels.`);
  }
}

/** @throws RangeError if one is not a mask or the two differ in height or width. */
export function assertSameSize(one: BinaryMask, other: BinaryMask): void {
  assertMask(one);
  assertMask(other);
  if (one.height !== other.height || one.width !== other.width) {
    throw new RangeError(
      `Masks of ${one.height} by ${one.width} and ${other.height} by ${other.width} pixels do not compare.`,
    );
  }
}
