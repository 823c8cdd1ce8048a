import { TesseraError } from '@tessera/contracts';

import type { ImageFormat } from './image-format.js';
import { readTiffDirectory } from './tiff-directory.js';
import { viewOf } from './view-of.js';

/**
 * A file of the same format that ends with its first frame or page. The decoders index all of them before they
 * read one, some in quadratic time: 20 MB of tiny WebP frames would hold a thread for minutes. One pass over the
 * block structure, copied only when there is something to leave out.
 *
 * @throws TesseraError `TSR_IMAGE_CORRUPT` when the block structure runs past the end of the file
 */
export function keepFirstFrame(bytes: Uint8Array, format: ImageFormat): Uint8Array {
  // A block cut off at the very end shows as a read past it.
  try {
    if (format === 'gif') return keepFirstGifFrame(bytes);
    if (format === 'webp') return keepFirstWebpFrame(bytes);
    if (format === 'tiff') return keepFirstTiffPage(bytes);
    return bytes;
  } catch (error) {
    if (error instanceof RangeError) throw truncated(format, error);
    throw error;
  }
}

const GIF_EXTENSION = 0x21;
const GIF_IMAGE = 0x2c;
const GIF_TRAILER = 0x3b;

/**
 * GIF89a specification, §15–§27 and appendix A. A first frame that leaves a part of the picture uncovered gets a
 * transparent one before it, on which the decoder draws it: alone the uncovered part would be black, and of pictures of
 * some sizes (640 × 480, …) only what the frame covers would be left.
 */
function keepFirstGifFrame(bytes: Uint8Array): Uint8Array {
  const view = viewOf(bytes);
  const word = (at: number) => view.getUint16(at, true);
  const colourTableBytes = (packed: number) => (packed & 0x80 ? 3 << ((packed & 7) + 1) : 0);
  const skipSubBlocks = (start: number) => {
    let offset = start;
    for (let length = view.getUint8(offset); length > 0; length = view.getUint8(offset)) offset += length + 1;
    return offset + 1;
  };
  let first: { readonly start: number; readonly end: number } | undefined;
  const blocks = 13 + colourTableBytes(view.getUint8(10));
  let offset = blocks;
  // Many encoders forget the trailer, so the end of the file between two blocks is as good.
  while (offset < bytes.length) {
    const kind = view.getUint8(offset);
    if (kind === GIF_EXTENSION) {
      offset = skipSubBlocks(offset + 2);
    } else if (kind === GIF_IMAGE) {
      const start = offset;
      offset = skipSubBlocks(offset + 11 + colourTableBytes(view.getUint8(offset + 9)));
      first ??= { start, end: offset };
    } else {
      break;
    }
  }
  if (first === undefined) throw new RangeError('no frame');
  const [left, top, frameWidth, frameHeight] = [1, 3, 5, 7].map((at) => word(first.start + at)) as [
    number,
    number,
    number,
    number,
  ];
  // A frame that sticks out makes the picture larger, as it does in browsers.
  const width = Math.max(word(6), left + frameWidth);
  const height = Math.max(word(8), top + frameHeight);
  const isWhole = frameWidth === width && frameHeight === height;
  if (isWhole && offset === first.end && word(6) === width && word(8) === height) return bytes;
  const kept = Buffer.concat([
    bytes.subarray(0, blocks),
    isWhole ? Buffer.alloc(0) : transparentGifFrame(width, height),
    bytes.subarray(blocks, first.end),
    Uint8Array.of(GIF_TRAILER),
  ]);
  kept.writeUInt16LE(width, 6);
  kept.writeUInt16LE(height, 8);
  return kept;
}

/** A graphic control extension with a transparent colour, and an image of which only the first pixel is stored. */
function transparentGifFrame(width: number, height: number): Buffer {
  const frame = Buffer.from('21f90401000000002c000000000000000080000000000000' + '0202440100', 'hex');
  frame.writeUInt16LE(width, 13);
  frame.writeUInt16LE(height, 15);
  return frame;
}

const WEBP_FRAME = 0x414e4d46; // 'ANMF'
const WEBP_EXIF = 0x45584946; // 'EXIF'

/** WebP container specification, "Extended file format": RIFF chunks, padded to even lengths. */
function keepFirstWebpFrame(bytes: Uint8Array): Uint8Array {
  const view = viewOf(bytes);
  const riffEnd = 8 + view.getUint32(4, true);
  let frames = 0;
  let firstFrameEnd = 0;
  let metadata = bytes.subarray(0, 0);
  for (let offset = 12; offset < riffEnd;) {
    const name = view.getUint32(offset);
    const end = offset + 8 + view.getUint32(offset + 4, true);
    if (end > bytes.length) throw new RangeError('chunk beyond the end of the file');
    const next = end + (end & 1);
    if (name === WEBP_FRAME && ++frames === 1) firstFrameEnd = next;
    if (name === WEBP_EXIF) metadata = bytes.subarray(offset, next);
    offset = next;
  }
  if (frames < 2) return bytes;
  const kept = Buffer.concat([bytes.subarray(0, firstFrameEnd), metadata]);
  kept.writeUInt32LE(kept.length - 8, 4);
  return kept;
}

/** Ends the list of directories after the first. */
function keepFirstTiffPage(bytes: Uint8Array): Uint8Array {
  const next = readTiffDirectory(viewOf(bytes)).next();
  return next.exists ? Uint8Array.from(bytes).fill(0, next.at, next.at + next.bytes) : bytes;
}

function truncated(format: ImageFormat, cause: unknown): TesseraError {
  return new TesseraError('TSR_IMAGE_CORRUPT', `The ${format} image is truncated; send the whole file.`, { cause });
}
