import { ReadyzResponse } from '@tessera/contracts';
import type { GatewayApp, GatewayContext } from '../context.js';
import { jsonResponse, problemResponses } from '../openapi/responses.js';

/** `GET /readyz`: whether a worker is live and a job went through the whole chain lately. */
export function addReadyz(app: GatewayApp, { readiness }: GatewayContext): void {
  app.get(
    '/readyz',
    {
      schema: {
        operationId: 'readyz',
        summary: 'Whether requests will be answered',
        description: 'Ready: a worker reports itself, and a job went through the whole chain in the last minute.',
        tags: ['Operations'],
        response: {
          200: jsonResponse(ReadyzResponse, 'Ready.'),
          ...problemResponses('TSR_NOT_READY'),
        },
      },
    },
    () => readiness.check(),
  );
}
