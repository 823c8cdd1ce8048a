import type { GatewayApp } from '../context.js';
import type { GatewayMetrics } from '../metrics.js';

/** Measures every response by method, route pattern and status, and counts those of each API key. Paths that match no route share one label. */
export function measureRequests(app: GatewayApp, metrics: GatewayMetrics): void {
  app.addHook('onResponse', (request, reply, done) => {
    const { url } = request.routeOptions;
    metrics.requestSeconds.observe(
      {
        method: url === undefined ? 'any' : request.method,
        route: url ?? 'unmatched',
        status: String(reply.statusCode),
      },
      reply.elapsedTime / 1000,
    );
    const { apiKey } = request;
    if (apiKey !== undefined) metrics.keyRequests.inc({ key: apiKey.name, status: String(reply.statusCode) });
    done();
  });
}
