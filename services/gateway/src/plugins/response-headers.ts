import type { Config } from '@tessera/contracts';
import type { GatewayApp } from '../context.js';

/**
 * Headers that every response carries: the request's id, and what keeps browsers from guessing, caching, framing and
 * embedding. The pages have content security policies of their own.
 */
export function addResponseHeaders(app: GatewayApp, { TESSERA_HSTS_S: hstsSeconds }: Config): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers({
      'x-request-id': request.id,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'x-frame-options': 'DENY',
      // Answers to pages of allowed origins are not concerned: those ask by CORS.
      'cross-origin-resource-policy': 'same-origin',
      ...(hstsSeconds === undefined ? {} : { 'strict-transport-security': `max-age=${hstsSeconds}` }),
    });
    done();
  });
}
