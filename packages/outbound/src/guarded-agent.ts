import type { LookupFunction } from 'node:net';
import { Agent } from 'undici';

import { resolveAllowedAddresses } from './outbound-policy.js';
import type { OutboundPolicy } from './outbound-policy.js';

const MAX_HEADER_BYTES = 16_384;

/**
 * An agent for one request, or for one and its redirects: it connects only to addresses that the policy allows, the
 * very ones that were checked. Use a new one for every request, so that no connection outlives the check of its
 * address, and check each URL with `checkOutboundUrl` first: an address in the URL is not looked up. It follows no redirects.
 */
export function guardedAgent(policy: OutboundPolicy): Agent {
  const lookup: LookupFunction = (hostname, options, callback) => {
    resolveAllowedAddresses(hostname, policy).then(
      (addresses) => {
        const [first] = addresses;
        if (options.all || first === undefined) callback(null, addresses);
        else callback(null, first.address, first.family);
      },
      (error: unknown) => {
        callback(error as Error, '');
      },
    );
  };
  const ca = policy.certificateAuthorities;
  return new Agent({
    connect: { lookup, timeout: policy.connectTimeoutMs, ...(ca === undefined ? {} : { ca }) },
    headersTimeout: policy.totalTimeoutMs,
    bodyTimeout: policy.totalTimeoutMs,
    maxHeaderSize: MAX_HEADER_BYTES,
    pipelining: 0,
  });
}
