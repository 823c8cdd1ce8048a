import { ModelsResponse } from '@tessera/contracts';
import type { GatewayApp, GatewayContext } from '../context.js';
import { guardProblems, jsonResponse, problemResponses } from '../openapi/responses.js';

/** `GET /models`: what the live workers serve. */
export function addModels(app: GatewayApp, { workers }: GatewayContext): void {
  app.get(
    '/models',
    {
      schema: {
        operationId: 'listModels',
        summary: 'The models that are served',
        tags: ['Operations'],
        security: [{ apiKey: [] }],
        response: {
          200: jsonResponse(ModelsResponse, 'Every model that a live worker serves.'),
          ...problemResponses(...guardProblems, 'TSR_QUEUE_UNAVAILABLE'),
        },
      },
    },
    async () => ({ models: await workers.models() }),
  );
}
