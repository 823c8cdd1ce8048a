import { TesseraError } from '@tessera/contracts';

const WHITESPACE = /[\t\n\f\r ]+/g;

/** Anything outside the standard and the URL-safe alphabet (RFC 4648 §4 and §5), padding excluded. */
const FOREIGN_CHARACTER = /[^A-Za-z0-9+/_-]/;

/**
 * Decodes base64 strictly: standard or URL-safe alphabet, padding optional but right when present, whitespace
 * ignored. Linear in the length of the text; the size is checked before anything is decoded.
 *
 * @throws TesseraError `TSR_IMAGE_SOURCE_INVALID`, or `TSR_BODY_TOO_LARGE` above `maxBytes`
 */
export function decodeBase64(text: string, maxBytes: number): Uint8Array {
  const compact = text.replace(WHITESPACE, '');
  const digits = withoutPadding(compact);
  const foreign = digits.search(FOREIGN_CHARACTER);
  if (foreign !== -1) {
    throw invalidBase64(`character ${foreign + 1} (not counting whitespace) is outside the base64 alphabet`);
  }
  if (digits.length === 0) throw invalidBase64('it is empty');
  if (digits.length % 4 === 1) throw invalidBase64('its length is impossible; it may have been cut off');
  if (compact.length > digits.length && compact.length % 4 !== 0) throw invalidBase64('its padding is wrong');
  checkDecodedSize(Math.floor((digits.length * 3) / 4), maxBytes);
  return Buffer.from(digits, 'base64');
}

/** @throws TesseraError `TSR_BODY_TOO_LARGE` above `maxBytes` */
export function checkDecodedSize(sizeBytes: number, maxBytes: number): void {
  if (sizeBytes <= maxBytes) return;
  throw new TesseraError(
    'TSR_BODY_TOO_LARGE',
    `The image is larger than the ${maxBytes} bytes allowed; send a smaller one, or its URL.`,
  );
}

function withoutPadding(text: string): string {
  if (text.endsWith('==')) return text.slice(0, -2);
  return text.endsWith('=') ? text.slice(0, -1) : text;
}

function invalidBase64(reason: string): TesseraError {
  return new TesseraError('TSR_IMAGE_SOURCE_INVALID', `The image is not valid base64: ${reason}.`);
}
