import { TesseraError } from '@tessera/contracts';

import { decodeBase64 } from './base64.js';
import { decodeDataUrl } from './data-url.js';
import { fetchImage } from './fetch-image.js';
import { defaultFetchPolicy } from './fetch-policy.js';
import type { FetchPolicy } from './fetch-policy.js';

export interface ImageSourceOptions {
  /** Most bytes the image may have once decoded or fetched. */
  readonly maxBytes: number;
  /** What differs from the {@link FetchPolicy} of the defaults: https, public addresses, default ports, 10 s. */
  readonly fetch?: Partial<FetchPolicy>;
  /** Ends a running fetch. */
  readonly signal?: AbortSignal;
}

/** A URL scheme (RFC 3986 §3.1). Base64 holds no colon, so the two cannot be confused. */
const SCHEME = /^([a-z][a-z0-9+.-]{0,30}):/i;

/**
 * The bytes behind the image field of a request: a `data:` URL, an https URL, or base64. They are not checked:
 * that is what `inspectImage` does.
 *
 * @throws TesseraError `TSR_IMAGE_SOURCE_INVALID`, `TSR_BODY_TOO_LARGE`, `TSR_IMAGE_URL_FORBIDDEN` or
 * `TSR_IMAGE_FETCH_FAILED`
 */
export async function resolveImageSource(source: string, options: ImageSourceOptions): Promise<Uint8Array> {
  const trimmed = source.trim();
  const scheme = SCHEME.exec(trimmed)?.[1]?.toLowerCase();
  if (scheme === undefined) return decodeBase64(trimmed, options.maxBytes);
  if (scheme === 'data') return decodeDataUrl(trimmed, options.maxBytes);
  if (scheme === 'https' || scheme === 'http') {
    if (!URL.canParse(trimmed)) {
      throw new TesseraError('TSR_IMAGE_SOURCE_INVALID', 'The image URL cannot be parsed; check its spelling.');
    }
    const policy = { ...defaultFetchPolicy, ...options.fetch };
    return fetchImage(new URL(trimmed), policy, options.maxBytes, options.signal);
  }
  throw new TesseraError(
    'TSR_IMAGE_SOURCE_INVALID',
    `Images are not read from ${scheme}: URLs; send a data URL, base64, an https URL or a stored image id.`,
  );
}
