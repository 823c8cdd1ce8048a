import { LivezResponse } from '@tessera/contracts';
import type { GatewayApp } from '../context.js';
import { jsonResponse } from '../openapi/responses.js';

/** `GET /livez`: the process answers. */
export function addLivez(app: GatewayApp): void {
  app.get(
    '/livez',
    {
      schema: {
        operationId: 'livez',
        summary: 'Whether the process is alive',
        tags: ['Operations'],
        response: { 200: jsonResponse(LivezResponse, 'It is.') },
      },
    },
    () => ({ status: 'ok' as const }),
  );
}
