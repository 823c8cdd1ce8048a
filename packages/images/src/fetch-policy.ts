import { TesseraError } from '@tessera/contracts';
import { checkOutboundUrl, defaultOutboundPolicy, OutboundError, type OutboundPolicy } from '@tessera/outbound';

/** A server that the operator names: it may be anywhere, and it knows the service. */
export interface TrustedOrigin {
  /** As `URL.origin` gives it. */
  readonly origin: string;
  /** Which of its URLs are trusted, redirects to them included; all others are fetched like those of any other server. */
  readonly trusts: (url: URL) => boolean;
  /** The `authorization` header of requests to trusted URLs, and to no others. */
  readonly authorization?: string | undefined;
}

/** Where an image may be fetched from, and what it may cost. */
export interface FetchPolicy extends OutboundPolicy {
  /** The one origin with URLs that none of the checks applies to. */
  readonly trustedOrigin?: TrustedOrigin;
  readonly maxRedirects: number;
}

/** The total time is that of all hops together. */
export const defaultFetchPolicy: FetchPolicy = { ...defaultOutboundPolicy, maxRedirects: 3 };

/**
 * Checks a URL, unless the policy trusts it.
 *
 * @throws OutboundError `forbidden`
 */
export function checkUrl(url: URL, policy: FetchPolicy): void {
  if (!isTrusted(url, policy)) checkOutboundUrl(url, policy);
}

/** Whether the policy's trusted origin has a URL and trusts it. A user name or password makes it one of another. */
export function isTrusted(url: URL, { trustedOrigin }: FetchPolicy): boolean {
  if (trustedOrigin === undefined || url.username !== '' || url.password !== '') return false;
  return url.origin === trustedOrigin.origin && trustedOrigin.trusts(url);
}

/** What a failed fetch is to the client. */
export function toFetchError(error: unknown): TesseraError {
  if (TesseraError.isInstance(error)) return error;
  if (error instanceof OutboundError) {
    if (error.kind === 'forbidden') {
      return new TesseraError('TSR_IMAGE_URL_FORBIDDEN', `The image URL may not be fetched: ${error.message}.`);
    }
    const detail = 'The host of the image URL cannot be resolved; check its name.';
    return new TesseraError('TSR_IMAGE_FETCH_FAILED', detail, { cause: error.cause });
  }
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return fetchFailed(`the connection failed${code === undefined ? '' : ` (${code})`}`, error);
}

export function fetchFailed(reason: string, cause?: unknown): TesseraError {
  return new TesseraError('TSR_IMAGE_FETCH_FAILED', `The image URL could not be fetched: ${reason}.`, { cause });
}
