import ipaddr from 'ipaddr.js';
import { isIP } from 'node:net';

/** All of global unicast that IANA has handed out so far (RFC 4291 §2.4, IANA IPv6 address space registry). */
const GLOBAL_UNICAST: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('2000::'), 3];

/**
 * Whether an IP address belongs to the public internet: plain unicast, and none of the special-purpose ranges
 * (IANA registries: private, loopback, link-local, carrier-grade NAT, documentation, benchmarking, multicast, …).
 * IPv6 forms that carry an IPv4 address (mapped, compatible, 6to4, Teredo, NAT64) are never public.
 */
export function isPublicAddress(address: string): boolean {
  // The library also reads the old short and octal notations, which the system's resolver might read differently.
  if (isIP(address) === 0 || !ipaddr.isValid(address)) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== 'unicast') return false;
  return parsed instanceof ipaddr.IPv4 || parsed.match(GLOBAL_UNICAST);
}
