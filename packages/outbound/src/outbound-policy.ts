import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

import { isPublicAddress } from './public-address.js';

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** Where requests may go, and how long they may take. */
export interface OutboundPolicy {
  /** Also allow `http:` URLs. */
  readonly allowHttp: boolean;
  /** `any` for every port. */
  readonly allowedPorts: readonly number[] | 'any';
  /** Checks every address before a connection is made to it. */
  readonly allowAddress: (address: string) => boolean;
  /** All addresses of a host name. */
  readonly resolveHost: (hostname: string) => Promise<readonly ResolvedAddress[]>;
  /** PEM certificates of authorities to trust instead of the built-in ones. */
  readonly certificateAuthorities?: string;
  /** Name resolution, TCP and TLS handshake of one connection together. */
  readonly connectTimeoutMs: number;
  /** The whole request, to the last byte of its answer. */
  readonly totalTimeoutMs: number;
}

/** https on its default port (and 80 once http is allowed), public addresses only. */
export const defaultOutboundPolicy: OutboundPolicy = {
  allowHttp: false,
  allowedPorts: [80, 443],
  allowAddress: isPublicAddress,
  resolveHost: (hostname) => lookup(hostname, { all: true }),
  connectTimeoutMs: 3_000,
  totalTimeoutMs: 10_000,
};

/** A request that was not made. The message is a clause that says why, for the caller's own error. */
export class OutboundError extends Error {
  override readonly name = 'OutboundError';
  /** `forbidden`: the policy does not allow it. `unresolved`: the host has no address. */
  readonly kind: 'forbidden' | 'unresolved';

  constructor(kind: OutboundError['kind'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/**
 * Checks all of a URL that can be checked before its host is resolved. `url` is as the WHATWG parser normalised it,
 * so that decimal, octal and hexadecimal IPv4 notations have become dotted ones.
 *
 * @throws OutboundError `forbidden`
 */
export function checkOutboundUrl(url: URL, policy: OutboundPolicy): void {
  const schemes = policy.allowHttp ? ['https:', 'http:'] : ['https:'];
  if (!schemes.includes(url.protocol)) {
    throw forbidden(`only ${schemes.join(' and ')} URLs are allowed, not ${url.protocol}`);
  }
  if (url.username !== '' || url.password !== '') throw forbidden('it must not hold a user name or password');
  const port = url.port === '' ? { 'https:': 443, 'http:': 80 }[url.protocol] : Number(url.port);
  if (policy.allowedPorts !== 'any' && (port === undefined || !policy.allowedPorts.includes(port))) {
    throw forbidden('its port is not allowed; use the default one');
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && !policy.allowAddress(host)) throw forbidden('its address is not public');
}

/**
 * Resolves a host name and checks every answer: one forbidden address among public ones is a sign of rebinding.
 *
 * @throws OutboundError
 */
export async function resolveAllowedAddresses(hostname: string, policy: OutboundPolicy): Promise<ResolvedAddress[]> {
  const addresses = await policy.resolveHost(hostname).catch((error: unknown) => {
    throw unresolved(error);
  });
  if (addresses.length === 0) throw unresolved();
  if (!addresses.every(({ address }) => policy.allowAddress(address))) {
    throw forbidden('its host resolves to an address that is not public');
  }
  return [...addresses];
}

function forbidden(reason: string): OutboundError {
  return new OutboundError('forbidden', reason);
}

function unresolved(cause?: unknown): OutboundError {
  return new OutboundError('unresolved', 'its host cannot be resolved', { cause });
}
