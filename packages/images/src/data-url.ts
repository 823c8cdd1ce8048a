import { TesseraError } from '@tessera/contracts';

import { checkDecodedSize, decodeBase64 } from './base64.js';

/** Longest accepted `data:…,` part; it has to name a media type, no more. */
const MAX_PREFIX_LENGTH = 256;

const IMAGE_MEDIA_TYPE = /^image\/[a-z0-9.+-]+$/i;

/**
 * The bytes of a `data:` URL (RFC 2397): `data:image/…[;parameters][;base64],…`, base64 or percent-encoded. Any
 * image media type is accepted, as the bytes themselves show the format.
 *
 * @throws TesseraError `TSR_IMAGE_SOURCE_INVALID`, or `TSR_BODY_TOO_LARGE` above `maxBytes`
 */
export function decodeDataUrl(source: string, maxBytes: number): Uint8Array {
  const comma = source.slice(0, MAX_PREFIX_LENGTH).indexOf(',');
  if (comma === -1) throw invalidDataUrl('it has no comma between the media type and the data');
  const [mediaType = '', ...parameters] = source
    .slice('data:'.length, comma)
    .split(';')
    .map((part) => part.trim());
  if (!IMAGE_MEDIA_TYPE.test(mediaType)) throw invalidDataUrl('its media type must be image/…');

  const data = source.slice(comma + 1);
  const isBase64 = parameters.at(-1)?.toLowerCase() === 'base64';
  if (!isBase64) return decodePercentEncoded(data, maxBytes);
  // A few senders percent-encode the base64 digits +, / and = as well.
  const text = data.includes('%') ? Buffer.from(decodePercentEncoded(data, data.length)).toString('latin1') : data;
  return decodeBase64(text, maxBytes);
}

/** RFC 3986 §2.1, bytes rather than characters; what is not escaped must be ASCII. */
function decodePercentEncoded(data: string, maxBytes: number): Uint8Array {
  const bytes = new Uint8Array(Math.min(data.length, maxBytes + 1));
  let length = 0;
  for (let index = 0; index < data.length; index++) {
    checkDecodedSize(length + 1, maxBytes);
    let code = data.charCodeAt(index);
    if (code === 0x25) {
      const digits = data.slice(index + 1, index + 3);
      if (!/^[0-9a-f]{2}$/i.test(digits)) throw invalidDataUrl(`the escape at character ${index + 1} is malformed`);
      code = Number.parseInt(digits, 16);
      index += 2;
    } else if (code > 0x7f) {
      throw invalidDataUrl(`character ${index + 1} of the data must be percent-encoded`);
    }
    bytes[length++] = code;
  }
  if (length === 0) throw invalidDataUrl('it has no data');
  return bytes.subarray(0, length);
}

function invalidDataUrl(reason: string): TesseraError {
  return new TesseraError('TSR_IMAGE_SOURCE_INVALID', `The image is not a valid data URL: ${reason}.`);
}
