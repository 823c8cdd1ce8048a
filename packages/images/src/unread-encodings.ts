import { TesseraError } from '@tessera/contracts';

import { readBmpHeader, type BmpHeader } from './bmp.js';
import type { ImageFormat } from './image-format.js';
import { JPEG_LS, readJpegFrame } from './jpeg-frame.js';
import type { JpegFrame } from './jpeg-frame.js';
import { pngChunksBeforePixels } from './png-chunks.js';
import { readTiffDirectory, TIFF_TAGS } from './tiff-directory.js';
import type { TiffDirectory } from './tiff-directory.js';
import { viewOf } from './view-of.js';

/** What was found in a file, and what to send instead. */
interface UnreadEncoding {
  readonly found: string;
  readonly instead: string;
}

/**
 * Refuses files of a supported format whose pixels are stored in a way that the decoder does not read, or reads as
 * another picture. Looks at headers alone, so that no job is accepted that has to fail.
 *
 * @throws TesseraError `TSR_IMAGE_FORMAT_UNSUPPORTED` that names the encoding
 */
export function refuseUnreadEncoding(bytes: Uint8Array, format: ImageFormat): void {
  const unread = findUnreadEncoding(bytes, format);
  if (unread === undefined) return;
  throw new TesseraError('TSR_IMAGE_FORMAT_UNSUPPORTED', `${unread.found} is not read; send ${unread.instead}.`);
}

function findUnreadEncoding(bytes: Uint8Array, format: ImageFormat): UnreadEncoding | undefined {
  const view = viewOf(bytes);
  try {
    if (format === 'jpeg') return unreadJpeg(readJpegFrame(view));
    if (format === 'png') return unreadPng(pngChunksBeforePixels(bytes));
    if (format === 'bmp') return unreadBmp(readBmpHeader(view));
    if (format === 'tiff') return unreadTiff(readTiffDirectory(view));
  } catch (error) {
    // A header that is cut off is damage, which the readers of size and frames report.
    if (!(error instanceof RangeError)) throw error;
  }
  return undefined;
}

/** Baseline, extended, progressive and lossless; extended and progressive with arithmetic coding (ITU-T T.81 table B.1). */
const READ_FRAMES = [0xc0, 0xc1, 0xc2, 0xc3, 0xc9, 0xca];

function unreadJpeg({ marker, bitsPerSample }: JpegFrame): UnreadEncoding | undefined {
  const instead = 'a baseline or progressive JPEG with 8 bits per sample';
  if (marker === JPEG_LS) return { found: 'JPEG-LS', instead };
  if (!READ_FRAMES.includes(marker))
    return { found: 'A JPEG with hierarchical or lossless arithmetic coding', instead };
  return bitsPerSample === 8 ? undefined : { found: `A JPEG with ${bitsPerSample} bits per sample`, instead };
}

/** An animation whose frames leave out the still image: viewers show the first frame, the decoder the still image. */
function unreadPng(chunks: ReadonlyMap<string, unknown>): UnreadEncoding | undefined {
  if (!chunks.has('acTL') || chunks.has('fcTL')) return undefined;
  return {
    found: 'An animated PNG whose still image is not its first frame',
    instead: 'the frame as a PNG of its own',
  };
}

function unreadBmp({ compression, bitsPerPixel }: BmpHeader): UnreadEncoding | undefined {
  const instead = 'one without compression, or a PNG';
  if (![0, 3, 6].includes(compression)) return { found: `A BMP with compression ${compression}`, instead };
  const depths = compression === 0 ? [1, 4, 8, 16, 24, 32] : [16, 32];
  if (!depths.includes(bitsPerPixel)) return { found: `A BMP with ${bitsPerPixel} bits per pixel`, instead };
  return undefined;
}

const UNDEFINED_SAMPLES = 4;
const SAMPLE_FORMATS = new Map([
  [1, 'unsigned integer'],
  [2, 'signed integer'],
  [3, 'floating-point'],
  [5, 'complex integer'],
  [6, 'complex floating-point'],
]);
const UNREAD_PHOTOMETRICS = new Map([
  [NaN, 'a kind that it does not name'],
  [4, 'a transparency mask'],
  [8, 'CIE L*a*b*'],
  [9, 'ICC L*a*b*'],
  [10, 'ITU L*a*b*'],
  [32803, 'a colour filter array (raw camera data)'],
  [32844, 'CIE Log2(L)'],
  [32845, 'CIE Log2(L)(u′,v′)'],
  [34892, 'linear raw camera data'],
]);
const INKS = 5;
const YCBCR = 6;
/** Channels of the photometrics that are read: white is zero, black is zero, RGB, palette, inks, YCbCr. */
const COLOUR_CHANNELS = new Map([
  [0, 1],
  [1, 1],
  [2, 3],
  [3, 1],
  [INKS, 4],
  [YCBCR, 3],
]);
const JPEG_COMPRESSION = 7;
/** None, CCITT (modified Huffman, T.4, T.6), LZW, JPEG, Deflate (two codes), PackBits and WebP. */
const READ_COMPRESSIONS = [1, 2, 3, 4, 5, JPEG_COMPRESSION, 8, 32773, 32946, 50001];

/** TIFF 6.0 §8, and the registered values of later technical notes. */
function unreadTiff({ values }: TiffDirectory): UnreadEncoding | undefined {
  const single = (tag: number) => values(tag)[0] ?? 1;
  const instead = 'uncompressed or LZW grey, RGB, palette or CMYK samples of 8 or 16 bits, unsigned integers';
  const unread = (what: string) => ({ found: `A TIFF with ${what}`, instead });

  const photometric = values(TIFF_TAGS.photometric)[0] ?? NaN;
  const colours = COLOUR_CHANNELS.get(photometric);
  if (colours === undefined) {
    return unread(`samples of ${UNREAD_PHOTOMETRICS.get(photometric) ?? `an unknown kind (${photometric})`}`);
  }
  if (photometric === INKS && single(TIFF_TAGS.inkSet) !== 1) return unread('inks other than CMYK');
  const channels = single(TIFF_TAGS.samplesPerPixel);
  if (channels < colours || channels > colours + 1) return unread(`${channels} channels per pixel`);

  const bits = values(TIFF_TAGS.bitsPerSample);
  const depth = bits[0] ?? 1;
  // The specification has readers treat undefined samples as unsigned integers.
  const format = values(TIFF_TAGS.sampleFormat).find((value) => value !== 1 && value !== UNDEFINED_SAMPLES) ?? 1;
  if (format !== 1 || ![1, 2, 4, 8, 16].includes(depth)) {
    return unread(`${depth}-bit ${SAMPLE_FORMATS.get(format) ?? `unknown (${format})`} samples`);
  }
  if (bits.some((value) => value !== depth)) return unread(`samples of ${bits.join(', ')} bits`);

  if (depth < 8 && channels > 1) return unread(`${channels} channels of ${depth} bits each`);

  const compression = single(TIFF_TAGS.compression);
  if (!READ_COMPRESSIONS.includes(compression)) return unread(`compression ${compression}`);
  if (photometric === YCBCR && compression !== JPEG_COMPRESSION) return unread('YCbCr samples outside JPEG');
  const isPlanar = single(TIFF_TAGS.planarConfiguration) === 2 && channels > 1;
  if (isPlanar && values(TIFF_TAGS.tileWidth).length > 0) return unread('tiles of separate planes');
  return undefined;
}
