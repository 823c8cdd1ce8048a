import { TesseraError } from '@tessera/contracts';
import type { GatewayApp } from '../context.js';

/**
 * Gives every path that is registered after this call an answer to the methods it does not serve: 405 with `allow`,
 * and 204 with `allow` to OPTIONS. Call the returned function once all routes are there.
 */
export function trackAllowedMethods(app: GatewayApp): () => void {
  const paths = new Set<string>();
  app.addHook('onRoute', ({ url }) => {
    paths.add(url);
  });
  return () => {
    for (const url of [...paths]) refuseOtherMethods(app, url);
  };
}

function refuseOtherMethods(app: GatewayApp, url: string): void {
  const others = app.supportedMethods.filter((method) => method !== 'OPTIONS');
  const served = others.filter((method) => app.hasRoute({ method, url }));
  const allow = [...served, 'OPTIONS'].join(', ');
  app.route({
    method: others.filter((method) => !served.includes(method)),
    url,
    schema: { hide: true },
    // Refused before the body is read.
    onRequest: (request, reply, done) => {
      reply.header('allow', allow);
      done(new TesseraError('TSR_METHOD_NOT_ALLOWED', `${request.method} is not among ${allow}.`));
    },
    handler: () => undefined,
  });
  app.route({
    method: 'OPTIONS',
    url,
    schema: { hide: true },
    handler: (_request, reply) => reply.code(204).header('allow', allow).send(),
  });
}
