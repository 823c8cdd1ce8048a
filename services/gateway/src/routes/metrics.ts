import { Registry } from 'prom-client';
import type { GatewayApp, GatewayContext } from '../context.js';
import { problemResponses } from '../openapi/responses.js';

/** `GET /metrics`: Prometheus text format. */
export function addMetrics(app: GatewayApp, { metrics, workerMetrics }: GatewayContext): void {
  const registry = workerMetrics === undefined ? metrics.registry : Registry.merge([metrics.registry, workerMetrics]);
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
      const text = await registry.metrics();
      return reply.type(registry.contentType).send(text);
    },
  );
}
