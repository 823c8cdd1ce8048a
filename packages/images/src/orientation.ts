import type { ImageFormat } from './image-format.js';
import { readJpegExif } from './jpeg-frame.js';
import { pngChunksBeforePixels } from './png-chunks.js';
import { readTiffDirectory, TIFF_TAGS } from './tiff-directory.js';
import { viewOf } from './view-of.js';

/** TIFF 6.0 §2 and BigTIFF, each of both byte orders. */
const TIFF_SIGNATURES = [0x49492a00, 0x4d4d002a, 0x49492b00, 0x4d4d002b];

/**
 * Whether a file's EXIF asks for a quarter turn, after which its width and height have changed places: the orientations
 * 5 to 8 of CIPA DC-008 §4.6.4. The decoder reads none in GIF, and in AVIF the format's own property in its place.
 */
export function isTurnedByExif(bytes: Uint8Array, format: ImageFormat): boolean {
  try {
    const exif = withoutPrefix(findExif(bytes, format));
    if (exif === undefined || !TIFF_SIGNATURES.includes(exif.getUint32(0))) return false;
    const [orientation = 1] = readTiffDirectory(exif).values(TIFF_TAGS.orientation);
    return orientation >= 5 && orientation <= 8;
  } catch (error) {
    // The decoder takes a damaged orientation for none.
    if (!(error instanceof RangeError)) throw error;
    return false;
  }
}

/** EXIF has the structure of a TIFF file, whose own directory has the same tag. */
function findExif(bytes: Uint8Array, format: ImageFormat): DataView | undefined {
  const view = viewOf(bytes);
  if (format === 'tiff') return view;
  if (format === 'jpeg') return readJpegExif(view);
  if (format === 'png') return pngChunksBeforePixels(bytes).get('eXIf');
  return format === 'webp' ? findWebpExif(view) : undefined;
}

const WEBP_EXTENDED = 0x56503858; // 'VP8X'
const WEBP_EXIF = 0x45584946; // 'EXIF'
const WEBP_HAS_EXIF = 0x08;

/** WebP container specification, "Extended file format". */
function findWebpExif(view: DataView): DataView | undefined {
  if (view.getUint32(12) !== WEBP_EXTENDED || !(view.getUint8(20) & WEBP_HAS_EXIF)) return undefined;
  for (let offset = 12; offset + 8 <= view.byteLength;) {
    const sizeBytes = view.getUint32(offset + 4, true);
    if (view.getUint32(offset) === WEBP_EXIF) return new DataView(view.buffer, view.byteOffset + offset + 8, sizeBytes);
    offset += 8 + sizeBytes + (sizeBytes & 1);
  }
  return undefined;
}

/** JPEG, and some writers of other formats, put `Exif` and two zeros before it. */
function withoutPrefix(exif: DataView | undefined): DataView | undefined {
  if (exif?.getUint32(0) !== 0x45786966 || exif.getUint16(4) !== 0) return exif;
  return new DataView(exif.buffer, exif.byteOffset + 6, exif.byteLength - 6);
}
