import { TesseraError } from '@tessera/contracts';
import { withTimeout } from '@tessera/runtime';
import type { Metadata } from 'sharp';

import { keepFirstFrame } from './first-frame.js';
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
  /** The file without later frames. */
  readonly firstFrame: Uint8Array;
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
  const firstFrame = keepFirstFrame(bytes, format);
  const metadata = await readMetadata(firstFrame, format, limits.headerTimeoutMs);
  if (metadata.mediaType !== `image/${format}`) {
    throw new TesseraError('TSR_IMAGE_CORRUPT', `The image starts like ${format} but does not continue so.`);
  }
  const { width, height } = metadata.autoOrient;
  checkSize(width, height, limits);
  checkChannels(metadata);
  return { format, width, height, firstFrame, deepColour: metadata.space === 'rgb16' };
}

async function readMetadata(bytes: Uint8Array, format: ImageFormat, timeoutMs: number): Promise<Metadata> {
  // The library's own limits are off, so that an image beyond ours gets an error that says so.
  const reading = sharp(bytes, { limitInputPixels: false, limitInputChannels: false, failOn: 'error' }).metadata();
  try {
    return await withTimeout(reading, timeoutMs, () => new Error(`no header after ${timeoutMs} ms`));
  } catch (error) {
    throw new TesseraError(
      'TSR_IMAGE_CORRUPT',
      `The header of the ${format} image cannot be read; send the whole, undamaged file.`,
      { cause: error },
    );
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
