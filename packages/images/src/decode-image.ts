import { TesseraError } from '@tessera/contracts';
import type { Sharp } from 'sharp';

import { defaultImageLimits } from './image-limits.js';
import type { ImageLimits } from './image-limits.js';
import { readHeader } from './inspect-image.js';
import type { ImageHeader } from './inspect-image.js';
import { sharp } from './sharp-library.js';

/** Pixels in memory: RGB, 8 bits, sRGB, row by row. */
export interface PixelImage {
  readonly width: number;
  readonly height: number;
  /** `[H, W, 3]` */
  readonly data: Uint8Array;
}

/** A size to resize to: stretched to exactly width × height, or scaled to a longest side with the aspect kept. */
export type ResizeTarget =
  { readonly width: number; readonly height: number; readonly fit: 'fill' } | { readonly longestSide: number };

export interface DecodeForModelsOptions {
  readonly targets: readonly ResizeTarget[];
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
 * Decodes the first frame at full size: EXIF orientation applied, colour profile converted to sRGB, alpha flattened
 * on white.
 *
 * @throws TesseraError as {@link inspectImage} does, and `TSR_IMAGE_CORRUPT` for damaged or truncated pixels
 */
export async function decodeImage(bytes: Uint8Array, limits: ImageLimits = defaultImageLimits): Promise<PixelImage> {
  const header = await readHeader(bytes, limits);
  return decodePixels(header, limits);
}

/**
 * Decodes the first frame once and resizes it to every target, upwards as well as downwards, at least 1 pixel a side.
 * Filter: triangle, widened when shrinking ("bilinear with antialiasing"). The file is read at a reduced size
 * where that keeps its quality (JPEG), and nothing larger than the targets' common envelope is kept in memory.
 *
 * @returns the images and the size of the original as a person sees it
 * @throws TesseraError as {@link decodeImage} does
 */
export async function decodeForModels(bytes: Uint8Array, options: DecodeForModelsOptions): Promise<ModelImages> {
  const limits = options.limits ?? defaultImageLimits;
  const header = await readHeader(bytes, limits);
  const sizes = options.targets.map((target) => targetSize(target, header));
  const envelope = {
    width: Math.min(header.width, Math.max(1, ...sizes.map((size) => size.width))),
    height: Math.min(header.height, Math.max(1, ...sizes.map((size) => size.height))),
  };
  const decoded = await decodePixels(header, limits, envelope);
  const images = await Promise.all(sizes.map((size) => resizePixels(decoded, size)));
  return { format: header.format, width: header.width, height: header.height, images };
}

function targetSize(target: ResizeTarget, original: Size): Size {
  if ('fit' in target) return { width: target.width, height: target.height };
  const scale = target.longestSide / Math.max(original.width, original.height);
  return {
    width: Math.max(1, Math.round(original.width * scale)),
    height: Math.max(1, Math.round(original.height * scale)),
  };
}

async function decodePixels(
  header: Awaited<ReturnType<typeof readHeader>>,
  limits: ImageLimits,
  size: Size = header,
): Promise<PixelImage> {
  let pipeline = sharp(header.firstFrame, { autoOrient: true, failOn: 'error', limitInputPixels: limits.maxPixels });
  // The library converts 16-bit images with a profile to Display P3; reducing them to 8 bits first keeps them sRGB.
  if (header.deepColour) pipeline = pipeline.pipelineColourspace('srgb');
  pipeline = pipeline.flatten({ background: '#ffffff' }).toColourspace('srgb').removeAlpha();
  // Reading at a reduced size is exact enough in JPEG (fewer DCT coefficients); WebP's scaler shifts colours.
  const resized = stretch(pipeline, size, header.format === 'jpeg');
  try {
    return await toPixels(resized.timeout({ seconds: limits.decodeTimeoutSeconds }));
  } catch (error) {
    const timedOut = error instanceof Error && error.message.startsWith('timeout');
    throw new TesseraError(
      'TSR_IMAGE_CORRUPT',
      timedOut
        ? `The ${header.format} image does not decode within ${limits.decodeTimeoutSeconds} s; save it anew.`
        : `The ${header.format} image is damaged or truncated; send the whole file.`,
      { cause: error },
    );
  }
}

async function resizePixels(image: PixelImage, size: Size): Promise<PixelImage> {
  if (image.width === size.width && image.height === size.height) return image;
  const raw = { width: image.width, height: image.height, channels: 3 } as const;
  return toPixels(stretch(sharp(image.data, { raw }), size));
}

function stretch(pipeline: Sharp, { width, height }: Size, fastShrinkOnLoad = false): Sharp {
  return pipeline.resize({ width, height, fit: 'fill', kernel: 'linear', fastShrinkOnLoad });
}

async function toPixels(pipeline: Sharp): Promise<PixelImage> {
  const { data, info } = await pipeline.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  return {
    width: info.width,
    height: info.height,
    data: new Uint8Array(data.buffer, data.byteOffset, data.length),
  };
}
