import { TesseraError } from '@tessera/contracts';
import type { Sharp } from 'sharp';

import { readBmpPixels } from './bmp.js';
import { defaultImageLimits } from './image-limits.js';
import type { ImageLimits } from './image-limits.js';
import { imageTimeout, readDecodingHeader, type DecodingHeader } from './decoding-header.js';
import type { ImageHeader } from './inspect-image.js';
import { sharp } from './sharp-library.js';
import { viewOf } from './view-of.js';

/** Pixels in memory: RGB, 8 bits, sRGB, row by row. */
export interface PixelImage {
  readonly width: number;
  readonly height: number;
  /** `[H, W, 3]` */
  readonly data: Uint8Array;
}

/**
 * A size to resize to: stretched to exactly width × height (`fill`), scaled to cover width × height with the excess
 * cut off on both sides (`cover`), or scaled to a longest side with the aspect kept.
 */
export type ResizeTarget = StretchTarget | CoverTarget;

type StretchTarget = (Size & { readonly fit: 'fill' }) | { readonly longestSide: number };

interface CoverTarget extends Size {
  readonly fit: 'cover';
}

export interface DecodeForModelsOptions {
  /** A function where they depend on the size of the original after rotation. */
  readonly targets: readonly ResizeTarget[] | ((original: Size) => readonly ResizeTarget[]);
  /** A longest side that the file is read large enough for, so that the targets are the same as beside such a target. */
  readonly readForLongestSide?: number;
  readonly limits?: ImageLimits;
}

/** An image at the sizes that models read. */
export interface ModelImages extends ImageHeader {
  /** One per target, in the targets' order. */
  readonly images: readonly PixelImage[];
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * Decodes the first frame once, EXIF orientation applied, colour profile converted to sRGB, alpha flattened on white, a
 * further sample of a TIFF that is not alpha left out, and resizes it to every target, upwards as well as downwards, at
 * least 1 pixel a side.
 * Filter: triangle, widened when shrinking ("bilinear with antialiasing"); cubic for `cover`, as CLIP's preprocessing
 * has it. The file is read at a reduced size where that keeps its quality (JPEG), and nothing larger than the stretched
 * targets' common envelope is kept in memory; each `cover` decodes the file anew.
 *
 * @returns the images and the size of the original after rotation
 * @throws TesseraError as `inspectImage` does, `TSR_IMAGE_CORRUPT` for damaged or truncated pixels, and
 *   `TSR_IMAGE_TIMEOUT`
 */
export async function decodeForModels(bytes: Uint8Array, options: DecodeForModelsOptions): Promise<ModelImages> {
  const limits = options.limits ?? defaultImageLimits;
  const header = await readDecodingHeader(bytes, limits);
  const targets = typeof options.targets === 'function' ? options.targets(header) : options.targets;
  const { readForLongestSide: longestSide } = options;
  const read = longestSide === undefined ? targets : [...targets, { longestSide }];
  const stretched = read.flatMap((target) => (isCover(target) ? [] : [targetSize(target, header)]));
  const envelope = {
    width: Math.min(header.width, Math.max(1, ...stretched.map((size) => size.width))),
    height: Math.min(header.height, Math.max(1, ...stretched.map((size) => size.height))),
  };
  // A target alone is decoded and resized at once where that gives the same pixels: in a file that is read whole, and not turned.
  const isReadWhole = envelope.width === header.width && envelope.height === header.height;
  const isAlone = isReadWhole && !header.isTurned && targets.filter((target) => !isCover(target)).length === 1;
  let decoded: Promise<PixelImage> | undefined;
  const images = await Promise.all(
    targets.map(async (target) => {
      if (isCover(target)) return await decodePixels(header, limits, target);
      const size = targetSize(target, header);
      if (isAlone) return await decodePixels(header, limits, size, false);
      decoded ??= decodePixels(header, limits, envelope);
      return await resizePixels(await decoded, size);
    }),
  );
  return { format: header.format, width: header.width, height: header.height, images };
}

function isCover(target: ResizeTarget | Size): target is CoverTarget {
  return 'fit' in target && target.fit === 'cover';
}

function targetSize(target: StretchTarget, original: Size): Size {
  if ('fit' in target) return { width: target.width, height: target.height };
  return scaledToLongestSide(original, target.longestSide);
}

/** The size of an image whose longest side is scaled to `longestSide`, at least 1 pixel a side. */
export function scaledToLongestSide(original: Size, longestSide: number): Size {
  const scale = longestSide / Math.max(original.width, original.height);
  return {
    width: Math.max(1, Math.round(original.width * scale)),
    height: Math.max(1, Math.round(original.height * scale)),
  };
}

async function decodePixels(
  header: DecodingHeader,
  limits: ImageLimits,
  size: Size | CoverTarget,
  isReducible = true,
): Promise<PixelImage> {
  const reading = { autoOrient: true, failOn: 'error', limitInputPixels: limits.maxPixels } as const;
  const page = header.page === undefined ? {} : { page: header.page };
  let pipeline =
    header.format === 'bmp' ? openBmp(header.firstFrame) : sharp(header.firstFrame, { ...reading, ...page });
  // The library converts 16-bit images with a profile to Display P3; reducing them to 8 bits first keeps them sRGB.
  if (header.deepColour) pipeline = pipeline.pipelineColourspace('srgb');
  // Reading at a reduced size is exact enough in JPEG (fewer DCT coefficients); WebP's scaler shifts colours.
  const mayShrink = isReducible && header.format === 'jpeg';
  try {
    if (header.hasFalseAlpha) pipeline = await withoutAlpha(pipeline.timeout({ seconds: limits.decodeTimeoutSeconds }));
    pipeline = pipeline.flatten({ background: '#ffffff' }).toColourspace('srgb').removeAlpha();
    const resized = isCover(size) ? cover(pipeline, size, header, mayShrink) : stretch(pipeline, size, mayShrink);
    const image = await toPixels(resized.timeout({ seconds: limits.decodeTimeoutSeconds }));
    return header.gammaExponent === undefined ? image : raiseSamples(image, header.gammaExponent);
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('timeout')) {
      throw imageTimeout(header.format, limits.decodeTimeoutSeconds * 1000, error);
    }
    throw new TesseraError(
      'TSR_IMAGE_CORRUPT',
      `The ${header.format} image is damaged or truncated; send the whole file.`,
      { cause: error },
    );
  }
}

/** The library does not read bitmaps. @throws TesseraError `TSR_IMAGE_CORRUPT` for one that is cut off */
function openBmp(bytes: Uint8Array): Sharp {
  try {
    const { width, height, data } = readBmpPixels(viewOf(bytes));
    return sharp(data, { raw: { width, height, channels: 4 } });
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new TesseraError('TSR_IMAGE_CORRUPT', 'The bmp image is truncated; send the whole file.', { cause });
  }
}

/** The whole image without its alpha, before it is resized: the library multiplies colours by alpha for that. */
async function withoutAlpha(pipeline: Sharp): Promise<Sharp> {
  const { width, height, data } = await toPixels(pipeline.toColourspace('srgb').removeAlpha());
  return sharp(data, { raw: { width, height, channels: 3 } });
}

/** Every sample, taken as 0 to 1, to the power of `exponent`. */
function raiseSamples(image: PixelImage, exponent: number): PixelImage {
  const raised = Uint8Array.from({ length: 256 }, (_, value) => Math.round(255 * (value / 255) ** exponent));
  return { ...image, data: image.data.map((value) => raised[value] ?? value) };
}

async function resizePixels(image: PixelImage, size: Size): Promise<PixelImage> {
  if (image.width === size.width && image.height === size.height) return image;
  const raw = { width: image.width, height: image.height, channels: 3 } as const;
  return toPixels(stretch(sharp(image.data, { raw }), size));
}

function stretch(pipeline: Sharp, { width, height }: Size, fastShrinkOnLoad = false): Sharp {
  return pipeline.resize({ width, height, fit: 'fill', kernel: 'linear', fastShrinkOnLoad });
}

/**
 * As CLIP's preprocessing has it (`CLIPImageProcessor` of transformers): the side that is not the shortest is rounded
 * down, and the larger half of an odd excess is cut off on the right and below.
 *
 * @param original - the image's size
 */
function cover(pipeline: Sharp, { width, height }: Size, original: Size, fastShrinkOnLoad: boolean): Sharp {
  const isTall = original.width * height <= original.height * width;
  const scaled = isTall
    ? { width, height: Math.max(height, Math.floor((width * original.height) / original.width)) }
    : { width: Math.max(width, Math.floor((height * original.width) / original.height)), height };
  const [left, top] = [Math.floor((scaled.width - width) / 2), Math.floor((scaled.height - height) / 2)];
  return pipeline
    .resize({ ...scaled, fit: 'fill', kernel: 'cubic', fastShrinkOnLoad })
    .extract({ left, top, width, height });
}

async function toPixels(pipeline: Sharp): Promise<PixelImage> {
  const { data, info } = await pipeline.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  return {
    width: info.width,
    height: info.height,
    data: new Uint8Array(data.buffer, data.byteOffset, data.length),
  };
}
