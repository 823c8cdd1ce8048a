import swaggerUi from '@fastify/swagger-ui';
import type { Config } from '@tessera/contracts';
import type { GatewayApp } from '../context.js';
import { hideRefusedPaths } from './problems.js';
import { frameAncestors } from './response-headers.js';

/** All errors have one form, shown once among the schemas: each status has its codes in words alone. */
const shortErrors = `
.responses-table:not(.live-responses-table) .response:is([data-code^='4'], [data-code^='5']) :is(.model-example, .response-controls) {
  display: none;
}
`;

/** This service is the only one there is to choose: the choice has no label, and nothing to offer. */
const noServers = `
.scheme-container :is(.servers-title, .servers) {
  display: none;
}
`;

/** Serves Swagger UI at /docs from local files; the page loads nothing from elsewhere. */
export async function addDocsPage(app: GatewayApp, config: Config): Promise<void> {
  await app.register(async (page: GatewayApp) => {
    hideRefusedPaths(page);
    await page.register(swaggerUi, {
      routePrefix: '/docs',
      uiConfig: { deepLinking: true, displayRequestDuration: true, defaultModelsExpandDepth: 0, layout: 'BaseLayout' },
      theme: { title: 'Tessera API', css: [{ filename: 'tessera.css', content: shortErrors + noServers }] },
      staticCSP: {
        'default-src': "'self'",
        'base-uri': "'self'",
        'frame-ancestors': frameAncestors(config).join(' '),
        'img-src': "'self' data: blob:",
        'object-src': "'none'",
        'script-src': "'self'",
        'style-src': "'self' 'unsafe-inline'",
      },
    });
  });
}
