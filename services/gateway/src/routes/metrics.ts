import { Registry } from 'prom-client';
import type { GatewayApp, GatewayContext } from '../context.js';
import { problemResponses } from '../openapi/responses.js';

/** `GET /metrics`: Prometheus text format. */
export function addMetrics(app: GatewayApp, { metrics, workerMetrics }: GatewayContext): void {
  const registries = workerMetrics === undefined ? [metrics.registry] : [metrics.registry, workerMetrics];
  app.get(
    '/metrics',
    {
      config: { hasRateLimit: false },
      schema: {
        operationId: 'metrics',
        summary: 'Metrics for Prometheus',
        tags: ['Operations'],
        security: [{ apiKey: [] }],
        response: {
          200: { description: 'Text format.', content: { 'text/plain': { schema: { type: 'string' } } } },
          ...problemResponses('TSR_UNAUTHORIZED'),
        },
      },
    },
    async (_request, reply) => {
      // At every scrape: a worker adds metrics when its models are loaded.
      const registry = Registry.merge(registries);
      const text = await registry.metrics();
      return reply.type(registry.contentType).send(text);
    },
  );
}
