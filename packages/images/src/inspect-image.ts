import { TesseraError } from '@tessera/contracts';

import { keepFirstFrame } from './first-frame.js';
import { sniffImageFormat } from './image-format.js';
import type { ImageFormat } from './image-format.js';
import { defaultImageLimits } from './image-limits.js';
import type { ImageLimits } from './image-limits.js';
import { isTurnedByExif } from './orientation.js';
import { readStoredSize } from './stored-size.js';
import { refuseUnreadEncoding } from './unread-encodings.js';

export interface ImageHeader {
  readonly format: ImageFormat;
  /** Pixels of the first frame as a person sees it, after any rotation that the file asks for. */
  readonly width: number;
  readonly height: number;
}

/**
 * Reads format and size out of an image's header and checks them against the limits, without a decoder: damage further in
 * shows when the image is decoded.
 *
 * @throws TesseraError `TSR_IMAGE_FORMAT_UNSUPPORTED`, `TSR_IMAGE_TOO_LARGE`, or `TSR_IMAGE_CORRUPT` for a header that is
 * damaged
 */
export function inspectImage(bytes: Uint8Array, limits: ImageLimits = defaultImageLimits): ImageHeader {
  const { format, width, height } = readHeader(bytes, limits);
  return { format, width, height };
}

/** As {@link inspectImage}, with the file cut to its first frame. */
export function readHeader(bytes: Uint8Array, limits: ImageLimits): ImageHeader & { readonly firstFrame: Uint8Array } {
  const format = sniffImageFormat(bytes);
  refuseUnreadEncoding(bytes, format);
  const firstFrame = keepFirstFrame(bytes, format);
  const stored = readStoredSize(firstFrame, format);
  const [width, height] = isTurnedByExif(firstFrame, format)
    ? [stored.height, stored.width]
    : [stored.width, stored.height];
  checkSize(width, height, limits);
  return { format, width, height, firstFrame };
}

/** @throws TesseraError `TSR_IMAGE_TOO_LARGE` */
export function checkSize(width: number, height: number, limits: ImageLimits): void {
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
