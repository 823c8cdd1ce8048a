import helmet from '@fastify/helmet';
import type { Config } from '@tessera/contracts';
import type { GatewayApp } from '../context.js';

/**
 * Headers that every response carries: the request's id, and what keeps browsers from guessing, caching, framing and
 * embedding. The pages have content security policies of their own.
 */
export async function addResponseHeaders(app: GatewayApp, config: Config): Promise<void> {
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers({ 'x-request-id': request.id, 'cache-control': 'no-store' });
    done();
  });
  const { TESSERA_HSTS_S: hstsSeconds, TESSERA_FRAME_ANCESTORS: ancestors } = config;
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { 'default-src': ["'none'"], 'frame-ancestors': frameAncestors(config) },
    },
    // It cannot name origins.
    xFrameOptions: ancestors.length === 0 && { action: 'deny' },
    // Answers to pages of allowed origins are not concerned: those ask by CORS.
    crossOriginResourcePolicy: { policy: 'same-origin' },
    strictTransportSecurity: hstsSeconds !== undefined && { maxAge: hstsSeconds, includeSubDomains: false },
    // Over plain http, browsers ignore them and say so.
    crossOriginOpenerPolicy: false,
    originAgentCluster: false,
  });
}

/** The value of `frame-ancestors` in content security policies: whose pages may show those of the service. */
export function frameAncestors({ TESSERA_FRAME_ANCESTORS: origins }: Config): readonly string[] {
  return origins.length === 0 ? ["'none'"] : origins;
}
