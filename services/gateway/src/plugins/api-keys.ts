import { TesseraError } from '@tessera/contracts';
import type { GatewayApp } from '../context.js';
import type { ApiKey, ApiKeys } from '../keys/api-keys.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the route also takes a key as the password of HTTP basic authentication, for clients that know no other. */
    acceptsBasic?: boolean;
  }
  interface FastifyRequest {
    /** The key that the request came with, where the service has keys and the route needs one. */
    apiKey: ApiKey | undefined;
    /** Why the request has no key, where it needs one. */
    keyRefusal: string | undefined;
  }
}

/**
 * Finds the key of every request to the routes of `app`, in `Authorization: Bearer <key>`. The log lines of a request
 * have the name of its key. {@link requireApiKey} refuses those without.
 */
export function recognizeApiKeys(app: GatewayApp, keys: ApiKeys): void {
  app.decorateRequest('apiKey');
  app.decorateRequest('keyRefusal');
  app.addHook('onRequest', (request, reply, done) => {
    const { acceptsBasic = false } = request.routeOptions.config;
    const given =
      bearerKey(request.headers.authorization) ??
      (acceptsBasic ? basicPassword(request.headers.authorization) : undefined);
    const found = given === undefined ? 'missing' : keys.find(given);
    if (typeof found === 'object') {
      request.apiKey = found;
      request.log = reply.log = request.log.child({ apiKey: found.name });
    } else {
      request.keyRefusal = refusals[found];
    }
    done();
  });
}

/** Refuses requests to the routes of `app` for which {@link recognizeApiKeys} has found no key. */
export function requireApiKey(app: GatewayApp): void {
  app.addHook('onRequest', ({ keyRefusal, routeOptions }, reply, done) => {
    if (keyRefusal === undefined) {
      done();
      return;
    }
    const { acceptsBasic = false } = routeOptions.config;
    reply.header('www-authenticate', acceptsBasic ? 'Bearer, Basic realm="Tessera"' : 'Bearer');
    done(new TesseraError('TSR_UNAUTHORIZED', keyRefusal));
  });
}

const refusals = {
  missing: 'The authorization header holds no API key.',
  unknown: 'The API key is not valid.',
  expired: 'The API key has expired.',
};

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
