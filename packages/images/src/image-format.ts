import { TesseraError } from '@tessera/contracts';

/** The formats that are decoded. */
export type ImageFormat = 'jpeg' | 'png' | 'webp' | 'avif' | 'gif' | 'tiff' | 'bmp';

/** Whether the first bytes of a file, 1 KiB at most, are of a format. `text` has them as Latin-1. */
interface Signature<Name extends string> {
  readonly name: Name;
  matches(text: string): boolean;
}

const SNIFFED_BYTES = 1024;

const startsWith =
  (...prefixes: string[]) =>
  (text: string) =>
    prefixes.some((prefix) => text.startsWith(prefix));

const riff = (kind: string) => (text: string) => text.startsWith('RIFF') && text.startsWith(kind, 8);

/** Brands of an ISO base media file (ISO/IEC 14496-12 §4.3): the major one, then the compatible ones. */
function fileTypeBrands(text: string): string[] {
  if (!text.startsWith('ftyp', 4)) return [];
  const boxLength = Array.from(text.slice(0, 4)).reduce((sum, byte) => sum * 256 + byte.charCodeAt(0), 0);
  const end = Math.min(boxLength, text.length);
  const brands = [text.slice(8, 12)];
  for (let offset = 16; offset + 4 <= end; offset += 4) brands.push(text.slice(offset, offset + 4));
  return brands;
}

const hasBrand = (pattern: RegExp) => (text: string) => fileTypeBrands(text).some((brand) => pattern.test(brand));

/** Brand of an AVIF image sequence (AVIF specification §6.3); a still image may be in the file, too. */
const isImageSequence = hasBrand(/^avis$/);

const bmpHeaderSizes = [0x0c, 0x28, 0x34, 0x38, 0x40, 0x6c, 0x7c];

/** Two letters alone would take many a text for a bitmap: the size of the header follows at byte 14. */
const startsBmp = (text: string): boolean =>
  text.startsWith('BM') && bmpHeaderSizes.some((size) => text.startsWith(`${String.fromCharCode(size)}\0\0\0`, 14));

const supportedFormats: readonly Signature<ImageFormat>[] = [
  { name: 'jpeg', matches: startsWith('\xff\xd8\xff') },
  { name: 'png', matches: startsWith('\x89PNG\r\n\x1a\n') },
  { name: 'webp', matches: riff('WEBP') },
  { name: 'avif', matches: (text) => hasBrand(/^avif$/)(text) && !isImageSequence(text) },
  { name: 'gif', matches: startsWith('GIF87a', 'GIF89a') },
  { name: 'bmp', matches: startsBmp },
  { name: 'tiff', matches: startsWith('II*\0', 'MM\0*', 'II+\0', 'MM\0+') },
];

/** Other formats that clients send, for the error to name. The order matters: HEIC is an ISO media file, too. */
const knownFormats: readonly Signature<string>[] = [
  { name: 'an animated AVIF (image sequence)', matches: isImageSequence },
  { name: 'HEIC', matches: hasBrand(/^(hei[cfmsvx]|hev[cx]|mif1|msf1)$/) },
  { name: 'video (ISO media)', matches: (text) => fileTypeBrands(text).length > 0 },
  { name: 'video (Matroska or WebM)', matches: startsWith('\x1a\x45\xdf\xa3') },
  { name: 'video (AVI)', matches: riff('AVI ') },
  { name: 'JPEG XL', matches: startsWith('\xff\x0a', '\0\0\0\x0cJXL \r\n\x87\n') },
  { name: 'JPEG 2000', matches: startsWith('\0\0\0\x0cjP  \r\n\x87\n', '\xff\x4f\xff\x51') },
  { name: 'a BMP of an unknown kind', matches: startsWith('BM') },
  { name: 'ICO', matches: startsWith('\0\0\x01\0', '\0\0\x02\0') },
  { name: 'Photoshop', matches: startsWith('8BPS') },
  { name: 'OpenEXR', matches: startsWith('\x76\x2f\x31\x01') },
  { name: 'PDF', matches: startsWith('%PDF-') },
  { name: 'ZIP archive', matches: startsWith('PK\x03\x04') },
  { name: 'gzip', matches: startsWith('\x1f\x8b') },
  { name: 'SVG', matches: (text) => /<svg[\s>]/i.test(text) },
  { name: 'HTML', matches: (text) => /<(!doctype html|html[\s>])/i.test(text) },
];

/**
 * The format of an image file by its first bytes; names and declared media types are not trusted.
 *
 * @throws TesseraError `TSR_IMAGE_CORRUPT` for no bytes at all, `TSR_IMAGE_FORMAT_UNSUPPORTED` for anything unknown
 */
export function sniffImageFormat(bytes: Uint8Array): ImageFormat {
  if (bytes.length === 0) throw new TesseraError('TSR_IMAGE_CORRUPT', 'The image is empty (0 bytes).');
  const text = Buffer.from(bytes.subarray(0, SNIFFED_BYTES)).toString('latin1');
  const supported = supportedFormats.find((format) => format.matches(text));
  if (supported) return supported.name;
  const found = knownFormats.find((format) => format.matches(text))?.name ?? 'no known image format';
  throw new TesseraError(
    'TSR_IMAGE_FORMAT_UNSUPPORTED',
    `The bytes are ${found}; send JPEG, PNG, WebP, AVIF, GIF, TIFF or BMP.`,
  );
}
