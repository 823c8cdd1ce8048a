import { TesseraError } from '@tessera/contracts';
import { withTimeout } from '@tessera/runtime';
import type { Metadata } from 'sharp';

import type { ImageFormat } from './image-format.js';
import type { ImageLimits } from './image-limits.js';
import { checkSize, readHeader, type ImageHeader } from './inspect-image.js';
import { pngGammaExponent } from './png-chunks.js';
import { sharp } from './sharp-library.js';
import { hasTiffAlpha, readTiffDirectory } from './tiff-directory.js';
import { viewOf } from './view-of.js';

/** What decoding needs to know of an image. */
export interface DecodingHeader extends ImageHeader {
  /** The file without later frames. */
  readonly firstFrame: Uint8Array;
  /** Where the first frame stands in it; undefined for the decoder's own choice. */
  readonly page: number | undefined;
  /** Whether what the decoder takes for alpha is no part of the picture. */
  readonly hasFalseAlpha: boolean;
  /** 16 bits per colour channel. */
  readonly deepColour: boolean;
  /** Whether its EXIF orientation asks for a rotation or a reflection. */
  readonly isTurned: boolean;
  /** What to raise the samples (0 to 1) to for sRGB, where they have another gamma. */
  readonly gammaExponent: number | undefined;
}

/**
 * Reads an image's header as the decoder will, and checks that against the limits; no pixel is decoded.
 *
 * @throws TesseraError as `inspectImage` does, also `TSR_IMAGE_TIMEOUT` when the header is not read in time
 */
export async function readDecodingHeader(bytes: Uint8Array, limits: ImageLimits): Promise<DecodingHeader> {
  const { format, firstFrame } = readHeader(bytes, limits);
  if (format === 'bmp') {
    const plain = {
      page: undefined,
      hasFalseAlpha: false,
      deepColour: false,
      isTurned: false,
      gammaExponent: undefined,
    };
    return { ...readHeader(bytes, limits), ...plain };
  }
  const metadata = await readMetadata(firstFrame, format, limits.headerTimeoutMs);
  if (metadata.mediaType !== `image/${format}`) {
    throw new TesseraError('TSR_IMAGE_CORRUPT', `The image starts like ${format} but does not continue so.`);
  }
  const { width, height } = metadata.autoOrient;
  checkSize(width, height, limits);
  checkChannels(metadata);
  const gammaExponent = format === 'png' ? pngGammaExponent(bytes) : undefined;
  const page = format === 'gif' ? (metadata.pages ?? 1) - 1 : undefined;
  const deepColour = metadata.space === 'rgb16';
  const isTurned = (metadata.orientation ?? 1) !== 1;
  const hasFalseAlpha = metadata.hasAlpha && format === 'tiff' && !hasTiffAlpha(readTiffDirectory(viewOf(firstFrame)));
  return { format, width, height, firstFrame, page, hasFalseAlpha, deepColour, isTurned, gammaExponent };
}

async function readMetadata(bytes: Uint8Array, format: ImageFormat, timeoutMs: number): Promise<Metadata> {
  // The library's own limits are off, so that the error of a too large image names the service's limit.
  const reading = sharp(bytes, { limitInputPixels: false, limitInputChannels: false, failOn: 'error' }).metadata();
  try {
    return await withTimeout(reading, timeoutMs, () => imageTimeout(format, timeoutMs));
  } catch (error) {
    if (TesseraError.isInstance(error)) throw error;
    throw new TesseraError(
      'TSR_IMAGE_CORRUPT',
      `The header of the ${format} image cannot be read; send the whole, undamaged file.`,
      { cause: error },
    );
  }
}

/** A valid image gets this one, too, on a machine that is busy enough. */
export function imageTimeout(format: ImageFormat, limitMs: number, cause?: unknown): TesseraError {
  return new TesseraError(
    'TSR_IMAGE_TIMEOUT',
    `The ${format} image was not decoded within ${limitMs / 1000} s; send it again later.`,
    { cause },
  );
}

/** Colour channels of the colour spaces that do not have three; 0 for those without colours. */
const colourChannels = new Map<string, number>([
  ['b-w', 1],
  ['grey16', 1],
  ['cmyk', 4],
  ['multiband', 0],
]);

/** Multispectral images and the like have no RGB; beyond its colours an image may have alpha. */
function checkChannels({ space, channels }: Metadata): void {
  const colours = colourChannels.get(space) ?? 3;
  if (colours > 0 && channels - colours <= 1) return;
  throw new TesseraError(
    'TSR_IMAGE_FORMAT_UNSUPPORTED',
    `The image has ${channels} channels per pixel (${space}); send a colour or greyscale image.`,
  );
}
