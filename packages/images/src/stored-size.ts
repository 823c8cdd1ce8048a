import { TesseraError } from '@tessera/contracts';

import type { ImageFormat } from './image-format.js';
import { readTiffDirectory } from './tiff-directory.js';

interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * The size in a file's header, before any rotation that the file asks for.
 *
 * @throws TesseraError `TSR_IMAGE_CORRUPT` when the header has none
 */
export function readStoredSize(bytes: Uint8Array, format: ImageFormat): Size {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // A header that is cut off shows as a read past its end.
  try {
    const size = readers[format](view);
    if (size.width > 0 && size.height > 0) return size;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  throw new TesseraError(
    'TSR_IMAGE_CORRUPT',
    `The header of the ${format} image cannot be read; send the whole, undamaged file.`,
  );
}

const readers: Readonly<Record<ImageFormat, (view: DataView) => Size>> = {
  // PNG specification §11.2.1
  png: (view) => ({ width: view.getUint32(16), height: view.getUint32(20) }),
  // GIF89a §18
  gif: (view) => ({ width: view.getUint16(6, true), height: view.getUint16(8, true) }),
  jpeg: readJpegSize,
  webp: readWebpSize,
  avif: readAvifSize,
  tiff: readTiffSize,
};

/** ITU-T T.81 §B.1.1: markers with their segments, until the frame header (§B.2.2). */
function readJpegSize(view: DataView): Size {
  for (let offset = 2; ;) {
    const marker = view.getUint8(offset) === 0xff ? view.getUint8(offset + 1) : 0;
    // Frame headers are C0 to CF, but for the tables C4, C8 and CC.
    if ((marker & 0xf0) === 0xc0 && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      return { width: view.getUint16(offset + 7), height: view.getUint16(offset + 5) };
    }
    if (marker === 0xd9 || marker === 0xda) throw new RangeError('no frame header before the scan');
    // Bytes between segments, fill bytes and restart markers are passed over, as the decoder does.
    const hasSegment = marker >= 0xc0 && marker !== 0xff && (marker & 0xf8) !== 0xd0;
    offset += hasSegment ? 2 + view.getUint16(offset + 2) : 1;
  }
}

/** WebP container specification, "Extended file format"; VP8: RFC 6386 §9.1; VP8L: "RIFF header" of its specification. */
function readWebpSize(view: DataView): Size {
  const kind = view.getUint32(12);
  if (kind === 0x56503858) {
    const uint24 = (offset: number) => view.getUint16(offset, true) + view.getUint8(offset + 2) * 0x1_00_00;
    return { width: uint24(24) + 1, height: uint24(27) + 1 };
  }
  if (kind === 0x5650384c) {
    const bits = view.getUint32(21, true);
    return { width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1 };
  }
  if (kind !== 0x56503820) throw new RangeError('the first chunk holds no image');
  return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
}

/**
 * ISO/IEC 23008-12 §6.5.3: the largest extent among the item properties. Tiles, thumbnails and alpha planes have extents of
 * their own, none larger than the image's.
 */
function readAvifSize(view: DataView): Size {
  let largest = { width: 0, height: 0 };
  for (const meta of boxesOf(view, 'meta', { start: 0, end: view.byteLength })) {
    for (const properties of boxesOf(view, 'iprp', { ...meta, start: meta.start + 4 })) {
      for (const container of boxesOf(view, 'ipco', properties)) {
        for (const { start } of boxesOf(view, 'ispe', container)) {
          const extent = { width: view.getUint32(start + 4), height: view.getUint32(start + 8) };
          if (extent.width * extent.height > largest.width * largest.height) largest = extent;
        }
      }
    }
  }
  return largest;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** The contents of the boxes of one kind that stand in a range of the file: ISO/IEC 14496-12 §4.2. */
function* boxesOf(view: DataView, kind: string, { start, end }: Range): Generator<Range> {
  for (let offset = start; offset + 8 <= end;) {
    const shortLength = view.getUint32(offset);
    const content = offset + (shortLength === 1 ? 16 : 8);
    const length = shortLength === 1 ? Number(view.getBigUint64(offset + 8)) : shortLength;
    const boxEnd = length === 0 ? end : offset + length;
    if (boxEnd < content) throw new RangeError('a box shorter than its header');
    const isKind = [0, 1, 2, 3].every((index) => view.getUint8(offset + 4 + index) === kind.charCodeAt(index));
    if (isKind) yield { start: content, end: Math.min(boxEnd, end) };
    offset = boxEnd;
  }
}

function readTiffSize(view: DataView): Size {
  const { tags } = readTiffDirectory(view);
  return { width: tags.get(256) ?? 0, height: tags.get(257) ?? 0 };
}
