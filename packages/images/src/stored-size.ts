import { TesseraError } from '@tessera/contracts';

import { readBmpHeader } from './bmp.js';
import type { ImageFormat } from './image-format.js';
import { readJpegFrame } from './jpeg-frame.js';
import { readTiffDirectory, TIFF_TAGS } from './tiff-directory.js';
import { viewOf } from './view-of.js';

interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * The size in a file's header, before any rotation that its EXIF asks for.
 *
 * @throws TesseraError `TSR_IMAGE_CORRUPT` when the header has none
 */
export function readStoredSize(bytes: Uint8Array, format: ImageFormat): Size {
  const view = viewOf(bytes);
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
  jpeg: readJpegFrame,
  webp: readWebpSize,
  avif: readAvifSize,
  tiff: readTiffSize,
  bmp: readBmpHeader,
};

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
 * ISO/IEC 23008-12 §6.5.3 and §6.5.10: the largest extent among the item properties, turned as one of them asks. Tiles,
 * thumbnails and alpha planes have extents of their own, none larger than the image's, and turn with it.
 */
function readAvifSize(view: DataView): Size {
  let largest = { width: 0, height: 0 };
  let isTurned = false;
  for (const meta of boxesOf(view, 'meta', { start: 0, end: view.byteLength })) {
    for (const properties of boxesOf(view, 'iprp', { ...meta, start: meta.start + 4 })) {
      for (const container of boxesOf(view, 'ipco', properties)) {
        for (const { start } of boxesOf(view, 'ispe', container)) {
          const extent = { width: view.getUint32(start + 4), height: view.getUint32(start + 8) };
          if (extent.width * extent.height > largest.width * largest.height) largest = extent;
        }
        for (const { start } of boxesOf(view, 'irot', container)) isTurned ||= (view.getUint8(start) & 1) === 1;
      }
    }
  }
  return isTurned ? { width: largest.height, height: largest.width } : largest;
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
  const { values } = readTiffDirectory(view);
  return { width: values(TIFF_TAGS.width)[0] ?? 0, height: values(TIFF_TAGS.height)[0] ?? 0 };
}
