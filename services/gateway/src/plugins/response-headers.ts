import type { GatewayApp } from '../context.js';

/** Headers that every response carries: the request's id, and what keeps browsers from guessing and caching. */
export function addResponseHeaders(app: GatewayApp): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers({
      'x-request-id': request.id,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    });
    done();
  });
}
