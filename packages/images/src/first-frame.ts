import { TesseraError } from '@tessera/contracts';

import type { ImageFormat } from './image-format.js';
import { readTiffDirectory } from './tiff-directory.js';

/**
 * A file of the same format without the frames or pages after the first. The decoders index all of them before they
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

/** A graphic control extension with a transparent colour, and an image of one pixel in it. */
const GIF_TRANSPARENT_FRAME = Buffer.from('21f90401000000002c000000000100010080000000000000' + '0202440100', 'hex');

/**
 * GIF89a specification, §15–§27 and appendix A. Behind a first frame that leaves a part of the picture uncovered comes
 * a transparent one: with it the decoder gives the uncovered part as transparent, without it as black.
 */
function keepFirstGifFrame(bytes: Uint8Array): Uint8Array {
  const view = viewOf(bytes);
  const colourTableBytes = (packed: number) => (packed & 0x80 ? 3 << ((packed & 7) + 1) : 0);
  const skipSubBlocks = (start: number) => {
    let offset = start;
    for (let length = view.getUint8(offset); length > 0; length = view.getUint8(offset)) offset += length + 1;
    return offset + 1;
  };
  const coversPicture = (frame: number) =>
    view.getUint32(frame + 1) === 0 &&
    view.getUint16(frame + 5, true) >= view.getUint16(6, true) &&
    view.getUint16(frame + 7, true) >= view.getUint16(8, true);
  let firstFrameEnd: number | undefined;
  let isPartial = false;
  let offset = 13 + colourTableBytes(view.getUint8(10));
  // Many encoders forget the trailer, so the end of the file between two blocks is as good.
  while (offset < bytes.length) {
    const kind = view.getUint8(offset);
    if (kind === GIF_EXTENSION) {
      offset = skipSubBlocks(offset + 2);
    } else if (kind === GIF_IMAGE) {
      if (firstFrameEnd === undefined) isPartial = !coversPicture(offset);
      offset = skipSubBlocks(offset + 11 + colourTableBytes(view.getUint8(offset + 9)));
      firstFrameEnd ??= offset;
    } else {
      break;
    }
  }
  if (firstFrameEnd === undefined) throw new RangeError('no frame');
  if (offset === firstFrameEnd && !isPartial) return bytes;
  const transparency = isPartial ? GIF_TRANSPARENT_FRAME : Buffer.alloc(0);
  return Buffer.concat([bytes.subarray(0, firstFrameEnd), transparency, Uint8Array.of(GIF_TRAILER)]);
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
  const { next } = readTiffDirectory(viewOf(bytes));
  return next.exists ? Uint8Array.from(bytes).fill(0, next.at, next.at + next.bytes) : bytes;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function truncated(format: ImageFormat, cause: unknown): TesseraError {
  return new TesseraError('TSR_IMAGE_CORRUPT', `The ${format} image is truncated; send the whole file.`, { cause });
}
