import type { GatewayApp } from '../context.js';

/** `GET /openapi.json`. */
export function addDocumentation(app: GatewayApp): void {
  app.get('/openapi.json', { schema: { hide: true } }, (_request, reply) => reply.send(app.swagger()));
}
