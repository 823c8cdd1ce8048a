import type { Config } from '@tessera/contracts';
import { frameAncestors } from '../plugins/response-headers.js';

/**
 * Headers of answers to what has not become a request, and passes by the plugins: the same that those set, by which browsers do not
 * guess, cache, frame or embed an answer.
 */
export function refusalHeaders(config: Config): Readonly<Record<string, string>> {
  const { TESSERA_HSTS_S: hstsSeconds, TESSERA_FRAME_ANCESTORS: ancestors } = config;
  return {
    'cache-control': 'no-store',
    'content-security-policy': `default-src 'none';frame-ancestors ${frameAncestors(config).join(' ')}`,
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-dns-prefetch-control': 'off',
    'x-download-options': 'noopen',
    'x-permitted-cross-domain-policies': 'none',
    'x-xss-protection': '0',
    ...(ancestors.length === 0 ? { 'x-frame-options': 'DENY' } : {}),
    ...(hstsSeconds === undefined ? {} : { 'strict-transport-security': `max-age=${hstsSeconds}` }),
  };
}
