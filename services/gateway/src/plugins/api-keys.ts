import { createHash, timingSafeEqual } from 'node:crypto';
import { TesseraError } from '@tessera/contracts';
import type { GatewayApp } from '../context.js';

/**
 * Demands `Authorization: Bearer <key>` with one of the keys from every route of `app`; without keys the routes are
 * open. Keys are compared by digest, in a time that depends on neither the given key nor the configured ones.
 */
export function requireApiKey(app: GatewayApp, keys: readonly string[]): void {
  if (keys.length === 0) return;
  const digests = keys.map(digest);
  app.addHook('onRequest', (request, reply, done) => {
    const given = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
    if (given !== undefined && isKnown(digest(given), digests)) {
      done();
      return;
    }
    reply.header('www-authenticate', 'Bearer');
    done(
      new TesseraError(
        'TSR_UNAUTHORIZED',
        given === undefined ? 'The authorization header holds no API key.' : 'The API key is not valid.',
      ),
    );
  });
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

function isKnown(given: Buffer, digests: readonly Buffer[]): boolean {
  let known = false;
  for (const candidate of digests) known = timingSafeEqual(given, candidate) || known;
  return known;
}
