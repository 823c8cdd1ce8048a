import { TesseraError } from '@tessera/contracts';
import type { Metadata } from 'sharp';

import { sniffImageFormat } from './image-format.js';
import type { ImageFormat } from './image-format.js';
import { defaultImageLimits } from './image-limits.js';
import type { ImageLimits } from './image-limits.js';
import { sharp } from './sharp-library.js';

export interface ImageHeader {
  readonly format: ImageFormat;
  /** Pixels of the first frame as a person sees it: EXIF orientation applied. */
  readonly width: number;
  readonly height: number;
}

/** An {@link ImageHeader} and what decoding has to know beyond it. */
interface DecodingHeader extends ImageHeader {
  /** 16 bits per colour channel. */
  readonly deepColour: boolean;
}

/**
 * Reads an image's header and checks it against the limits; no pixel is decoded.
 *
 * @throws TesseraError `TSR_IMAGE_FORMAT_UNSUPPORTED`, `TSR_IMAGE_TOO_LARGE`, or `TSR_IMAGE_CORRUPT` when the header
 * does not parse in time
 */
export async function inspectImage(bytes: Uint8Array, limits: ImageLimits = defaultImageLimits): Promise<ImageHeader> {
  const { format, width, height } = await readHeader(bytes, limits);
  return { format, width, height };
}

/** As {@link inspectImage}, with what decoding needs. */
export async function readHeader(bytes: Uint8Array, limits: ImageLimits): Promise<DecodingHeader> {
  const format = sniffImageFormat(bytes);
  const metadata = await readMetadata(bytes, format, limits.headerTimeoutMs);
  if (metadata.mediaType !== `image/${format}`) {
    throw new TesseraError('TSR_IMAGE_CORRUPT', `The image starts like ${format} but does not continue so.`);
  }
  const { width, height } = metadata.autoOrient;
  checkSize(width, height, limits);
  return { format, width, height, deepColour: metadata.space === 'rgb16' };
}

async function readMetadata(bytes: Uint8Array, format: ImageFormat, timeoutMs: number): Promise<Metadata> {
  // The library's own pixel limit is off, so that an oversized image gets our error with its numbers.
  const reading = sharp(bytes, { limitInputPixels: false, failOn: 'error' }).metadata();
  let timer: NodeJS.Timeout | undefined;
  const expiry = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no header after ${timeoutMs} ms`));
    }, timeoutMs);
  });
  try {
    return await Promise.race([reading, expiry]);
  } catch (error) {
    throw new TesseraError(
      'TSR_IMAGE_CORRUPT',
      `The header of the ${format} image cannot be read; send the whole, undamaged file.`,
      { cause: error },
    );
  } finally {
    clearTimeout(timer);
  }
}

function checkSize(width: number, height: number, limits: ImageLimits): void {
  if (width * height > limits.maxPixels) {
    const megapixels = (pixels: number) => (pixels / 1e6).toFixed(1);
    throw new TesseraError(
      'TSR_IMAGE_TOO_LARGE',
      `The image has ${width} × ${height} = ${megapixels(width * height)} megapixels; ` +
        `at most ${megapixels(limits.maxPixels)} are allowed. Scale it down.`,
    );
  }
  if (Math.max(width, height) > limits.maxSidePixels) {
    throw new TesseraError(
      'TSR_IMAGE_TOO_LARGE',
      `The image is ${width} × ${height} pixels; neither side may exceed ${limits.maxSidePixels}. Scale it down.`,
    );
  }
}
