import { createHash, timingSafeEqual } from 'node:crypto';
import { TesseraError } from '@tessera/contracts';
import type { GatewayApp } from '../context.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the route also takes a key as the password of HTTP basic authentication, for clients that know no other. */
    acceptsBasic?: boolean;
  }
}

/**
 * Demands `Authorization: Bearer <key>` with one of the keys from every route of `app`; without keys the routes are
 * open. Keys are compared by digest, in a time that depends on neither the given key nor the configured ones.
 */
export function requireApiKey(app: GatewayApp, keys: readonly string[]): void {
  if (keys.length === 0) return;
  const digests = keys.map(digest);
  app.addHook('onRequest', (request, reply, done) => {
    const { acceptsBasic = false } = request.routeOptions.config;
    const given =
      bearerKey(request.headers.authorization) ??
      (acceptsBasic ? basicPassword(request.headers.authorization) : undefined);
    if (given !== undefined && isKnown(digest(given), digests)) {
      done();
      return;
    }
    reply.header('www-authenticate', acceptsBasic ? 'Bearer, Basic realm="Tessera"' : 'Bearer');
    done(
      new TesseraError(
        'TSR_UNAUTHORIZED',
        given === undefined ? 'The authorization header holds no API key.' : 'The API key is not valid.',
      ),
    );
  });
}

function bearerKey(header = ''): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(header)?.[1];
}

/** RFC 7617: base64 of the user and the password, with a colon between them. */
function basicPassword(header = ''): string | undefined {
  const credentials = /^Basic +([A-Za-z0-9+/=]+) *$/i.exec(header)?.[1];
  return credentials === undefined
    ? undefined
    : /:(.*)$/s.exec(Buffer.from(credentials, 'base64').toString('utf8'))?.[1];
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

function isKnown(given: Buffer, digests: readonly Buffer[]): boolean {
  let known = false;
  for (const candidate of digests) known = timingSafeEqual(given, candidate) || known;
  return known;
}
