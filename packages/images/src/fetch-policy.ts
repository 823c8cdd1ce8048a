import { TesseraError } from '@tessera/contracts';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

import { isPublicAddress } from './public-address.js';

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

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
export interface FetchPolicy {
  /** Also fetch `http:` URLs. */
  readonly allowHttp: boolean;
  readonly allowedPorts: readonly number[];
  /** Checks every address before a connection is made to it. */
  readonly allowAddress: (address: string) => boolean;
  /** All addresses of a host name. */
  readonly resolveHost: (hostname: string) => Promise<readonly ResolvedAddress[]>;
  /** The one origin with URLs that none of the checks applies to. */
  readonly trustedOrigin?: TrustedOrigin;
  /** PEM certificates of authorities to trust instead of the built-in ones. */
  readonly certificateAuthorities?: string;
  readonly maxRedirects: number;
  /** Name resolution, TCP and TLS handshake of one hop together. */
  readonly connectTimeoutMs: number;
  /** All hops together, to the last byte. */
  readonly totalTimeoutMs: number;
}

/** https on its default port (and 80 once http is allowed), public addresses only. */
export const defaultFetchPolicy: FetchPolicy = {
  allowHttp: false,
  allowedPorts: [80, 443],
  allowAddress: isPublicAddress,
  resolveHost: (hostname) => lookup(hostname, { all: true }),
  maxRedirects: 3,
  connectTimeoutMs: 3_000,
  totalTimeoutMs: 10_000,
};

/**
 * Checks all of a URL that can be checked before its host is resolved. `url` is as the WHATWG parser normalised it,
 * so that decimal, octal and hexadecimal IPv4 notations have become dotted ones.
 *
 * @throws TesseraError `TSR_IMAGE_URL_FORBIDDEN`
 */
export function checkUrl(url: URL, policy: FetchPolicy): void {
  if (isTrusted(url, policy)) return;
  const schemes = policy.allowHttp ? ['https:', 'http:'] : ['https:'];
  if (!schemes.includes(url.protocol)) {
    throw forbiddenUrl(`only ${schemes.join(' and ')} URLs are fetched, not ${url.protocol}`);
  }
  if (url.username !== '' || url.password !== '') throw forbiddenUrl('it must not hold a user name or password');
  const port = url.port === '' ? { 'https:': 443, 'http:': 80 }[url.protocol] : Number(url.port);
  if (port === undefined || !policy.allowedPorts.includes(port)) {
    throw forbiddenUrl('its port is not allowed; use the default one');
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && !policy.allowAddress(host)) throw forbiddenUrl('its address is not public');
}

/** Whether the policy's trusted origin has a URL and trusts it. A user name or password makes it one of another. */
export function isTrusted(url: URL, { trustedOrigin }: FetchPolicy): boolean {
  if (trustedOrigin === undefined || url.username !== '' || url.password !== '') return false;
  return url.origin === trustedOrigin.origin && trustedOrigin.trusts(url);
}

/**
 * Resolves a host name and checks every answer: one forbidden address among public ones is a sign of rebinding.
 *
 * @throws TesseraError `TSR_IMAGE_URL_FORBIDDEN`, or `TSR_IMAGE_FETCH_FAILED` when the name does not resolve
 */
export async function resolveAllowedAddresses(hostname: string, policy: FetchPolicy): Promise<ResolvedAddress[]> {
  const addresses = await policy.resolveHost(hostname).catch((error: unknown) => {
    throw unresolvedHost(error);
  });
  if (addresses.length === 0) throw unresolvedHost();
  if (!addresses.every(({ address }) => policy.allowAddress(address))) {
    throw forbiddenUrl('its host resolves to an address that is not public');
  }
  return [...addresses];
}

function forbiddenUrl(reason: string): TesseraError {
  return new TesseraError('TSR_IMAGE_URL_FORBIDDEN', `The image URL may not be fetched: ${reason}.`);
}

function unresolvedHost(cause?: unknown): TesseraError {
  return new TesseraError('TSR_IMAGE_FETCH_FAILED', 'The host of the image URL cannot be resolved; check its name.', {
    cause,
  });
}
