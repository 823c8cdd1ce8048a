import { assertMask, isMaskSize, type BinaryMask } from './binary-mask.js';
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

/** Either encoding, from an untrusted source. */
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
 * @throws RleError if it is malformed, does not fill its size exactly, or has more pixels than the limit (by
 * default 40 million).
 */
export function decodeRle(rle: UntrustedRle, limits: RleLimits = {}): BinaryMask {
  const { height, width, runs } = readRle(rle, limits);
  return runsToMask(height, width, runs);
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
  if (pixels > maximumPixels) throw new RleError(`A mask of ${pixels} pixels is over the limit of ${maximumPixels}.`);
  if (typeof counts === 'string') return { height, width, runs: parseCounts(counts, pixels) };
  if (isList(counts)) return { height, width, runs: checkCounts(counts, pixels) };
  throw new RleError('The counts are neither a string nor a list of numbers.');
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}
