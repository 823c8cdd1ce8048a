import type { GatewayApp } from '../context.js';
import { requestTimeoutMs } from '../server-options.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Time in which the whole body has to arrive, where that is not {@link requestTimeoutMs}. */
    bodyTimeoutMs?: number;
  }
}

/** Ends requests whose bodies take too long to arrive, as Node itself does with those that exceed its own limit. */
export function limitBodyTime(app: GatewayApp): void {
  app.addHook('onRequest', (request, reply, done) => {
    const { raw, routeOptions } = request;
    const timer = setTimeout(() => {
      if (raw.complete) return;
      const error = Object.assign(new Error('The body took too long'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
      app.server.emit('clientError', error, raw.socket);
    }, routeOptions.config.bodyTimeoutMs ?? requestTimeoutMs);
    reply.raw.once('close', () => {
      clearTimeout(timer);
    });
    done();
  });
}
