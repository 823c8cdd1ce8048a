import type { GatewayApp } from '../context.js';

/** `GET /openapi.json`, and `GET /`, which leads to the documentation page. */
export function addDocumentation(app: GatewayApp): void {
  app.get('/openapi.json', { schema: { hide: true } }, (_request, reply) => reply.send(app.swagger()));
  app.get('/', { schema: { hide: true } }, (_request, reply) => reply.redirect('/docs', 302));
}
