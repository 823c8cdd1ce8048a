import cors from '@fastify/cors';
import { ConfigError, TesseraError } from '@tessera/contracts';
import type { GatewayApp } from '../context.js';

/** What a page may read of an answer beside its body and its media type. */
const exposedHeaders = [
  'location',
  'retry-after',
  'x-request-id',
  'ratelimit',
  'ratelimit-policy',
  'idempotency-replayed',
  'preference-applied',
  'server-timing',
  'link',
  'content-disposition',
];
const preflightSeconds = 600;

/**
 * Lets pages of these origins call the service from a browser; `*` lets all. Keys are sent by the page, in a header:
 * cookies and stored credentials take no part. Without origins browsers keep other pages out.
 *
 * @throws ConfigError when a browser would write an origin in another way
 */
export async function allowOrigins(app: GatewayApp, origins: readonly string[]): Promise<void> {
  if (origins.length === 0) return;
  for (const origin of origins) requireCanonical(origin);
  await app.register(cors, {
    origin: origins.includes('*') ? '*' : [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    exposedHeaders,
    maxAge: preflightSeconds,
    // Every path has its answer to OPTIONS, with `allow`, and asks for no key there.
    preflightContinue: true,
    strictPreflight: false,
  });
  // The plugin's own route would answer OPTIONS at paths that do not exist.
  app.addHook('onRequest', ({ routeOptions: { url } }, _reply, done) => {
    done(url === '*' ? new TesseraError('TSR_ROUTE_NOT_FOUND', 'There is nothing at this path.') : undefined);
  });
}

function requireCanonical(origin: string): void {
  if (origin === '*') return;
  const written = URL.canParse(origin) ? new URL(origin).origin : undefined;
  if (written === origin) return;
  const advice = written === undefined ? 'is not an origin' : `is ${written} in browsers; write it so`;
  throw new ConfigError(`TESSERA_CORS_ORIGINS: ${origin} ${advice}.`);
}
