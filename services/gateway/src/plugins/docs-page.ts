import swaggerUi from '@fastify/swagger-ui';
import type { GatewayApp } from '../context.js';
import { hideRefusedPaths } from './problems.js';

/** Serves Swagger UI at /docs from local files; the page loads nothing from elsewhere. */
export async function addDocsPage(app: GatewayApp): Promise<void> {
  await app.register(async (page: GatewayApp) => {
    hideRefusedPaths(page);
    await page.register(swaggerUi, {
      routePrefix: '/docs',
      uiConfig: { deepLinking: true, displayRequestDuration: true, defaultModelsExpandDepth: 0, layout: 'BaseLayout' },
      theme: { title: 'Tessera API' },
      staticCSP: {
        'default-src': "'self'",
        'base-uri': "'self'",
        'frame-ancestors': "'none'",
        'img-src': "'self' data: blob:",
        'object-src': "'none'",
        'script-src': "'self'",
        'style-src': "'self' 'unsafe-inline'",
      },
    });
  });
}
