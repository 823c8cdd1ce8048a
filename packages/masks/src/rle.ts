import { assertMask, isMaskSize, type BinaryMask, type BoundingBox } from './binary-mask.js';
import { checkCounts, formatCounts, parseCounts } from './rle-counts.js';
import { RleError } from './rle-error.js';
import { maskToRuns, runsToMask } from './rle-runs.js';

/** COCO's compressed run-length encoding, as pycocotools reads and writes it. */
export interface CompressedRle {
  /** `[height, width]` */
  size: [height: number, width: number];
  counts: string;
}

/** COCO's uncompressed run-length encoding: run lengths down the columns, beginning with zeros. */
export interface UncompressedRle {
  /** `[height, width]` */
  size: [height: number, width: number];
  counts: number[];
}

/** Either encoding, from whoever sent it: nothing about it is believed until it has been checked. */
export interface UntrustedRle {
  readonly size: unknown;
  readonly counts: unknown;
}

export interface RleLimits {
  /** The most pixels that a decoded mask may have. Checked before anything of that size is allocated. */
  readonly maximumPixels?: number;
}

const defaultMaximumPixels = 40_000_000;

/**
 * Compressed COCO RLE of a mask; `pycocotools.mask.decode` takes it unchanged.
 *
 * @throws RangeError if `mask` is not a mask.
 */
export function encodeRle(mask: BinaryMask): CompressedRle {
  assertMask(mask);
  return { size: [mask.height, mask.width], counts: formatCounts(maskToRuns(mask)) };
}

/**
 * Uncompressed COCO RLE of a mask.
 *
 * @throws RangeError if `mask` is not a mask.
 */
export function encodeUncompressedRle(mask: BinaryMask): UncompressedRle {
  assertMask(mask);
  return { size: [mask.height, mask.width], counts: Array.from(maskToRuns(mask)) };
}

/**
 * The mask of a compressed or uncompressed COCO RLE from any source.
 *
 * @throws RleError if it is malformed, does not fill its size exactly, or has more pixels than the limit (40 million
 * unless told otherwise).
 */
export function decodeRle(rle: UntrustedRle, limits: RleLimits = {}): BinaryMask {
  const { height, width, runs } = readRle(rle, limits);
  return runsToMask(height, width, runs);
}

/**
 * Pixels inside the mask of an RLE, without decoding it to pixels.
 *
 * @throws RleError as {@link decodeRle} does.
 */
export function rleArea(rle: UntrustedRle, limits: RleLimits = {}): number {
  const { runs } = readRle(rle, limits);
  let area = 0;
  for (let index = 1; index < runs.length; index += 2) {
    area += runs[index] ?? 0;
  }
  return area;
}

/**
 * The smallest box around the mask of an RLE, without decoding it to pixels; `[0, 0, 0, 0]` if the mask is empty.
 *
 * @throws RleError as {@link decodeRle} does.
 */
export function rleBoundingBox(rle: UntrustedRle, limits: RleLimits = {}): BoundingBox {
  const { height, width, runs } = readRle(rle, limits);
  let left = width;
  let right = -1;
  let top = height;
  let bottom = -1;
  let position = 0;
  for (let index = 0; index < runs.length; index++) {
    const run = runs[index] ?? 0;
    if (index % 2 === 1 && run > 0) {
      const last = position + run - 1;
      const firstColumn = Math.floor(position / height);
      const lastColumn = Math.floor(last / height);
      // A run that goes on into the next column touches the bottom of one and the top of the other.
      const spans = lastColumn > firstColumn;
      left = Math.min(left, firstColumn);
      right = lastColumn;
      top = spans ? 0 : Math.min(top, position % height);
      bottom = spans ? height - 1 : Math.max(bottom, last % height);
    }
    position += run;
  }
  return right < 0 ? [0, 0, 0, 0] : [left, top, right - left + 1, bottom - top + 1];
}

function readRle(
  { size, counts }: UntrustedRle,
  { maximumPixels = defaultMaximumPixels }: RleLimits,
): { height: number; width: number; runs: Uint32Array } {
  const [height, width] = isList(size) && size.length === 2 ? size : [];
  if (typeof height !== 'number' || typeof width !== 'number' || !isMaskSize(height, width)) {
    throw new RleError('The size is not two positive integers [height, width] of a possible mask.');
  }
  const pixels = height * width;
  if (pixels > maximumPixels) {
    throw new RleError(`A mask of ${pixels} pixels is over the limit of ${maximumPixels}.`);
  }
  if (typeof counts === 'string') {
    return { height, width, runs: parseCounts(counts, pixels) };
  }
  if (isList(counts)) {
    return { height, width, runs: checkCounts(counts, pixels) };
  }
  throw new RleError('The counts are neither a string nor a list of numbers.');
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}
