import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import serveStatic from '@fastify/static';
import type { Config } from '@tessera/contracts';
import type { GatewayApp } from '../context.js';
import { hideRefusedPaths } from './problems.js';
import { frameAncestors } from './response-headers.js';

/** Where the built page is; a gateway that was installed alone may lack it. */
const site = fileURLToPath(new URL('dist/site/', import.meta.resolve('@tessera/playground/package.json')));

/** The page loads nothing from elsewhere, and talks to this service alone. Photos that it shows are blobs. */
const contentSecurityPolicy = (config: Config) =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    `frame-ancestors ${frameAncestors(config).join(' ')}`,
  ].join('; ');

/** Serves the playground at `/`, one route per file; where it was not built, `/` leads to the documentation. */
export async function addPlayground(app: GatewayApp, config: Config): Promise<void> {
  if (!existsSync(site)) {
    app.get('/', { schema: { hide: true } }, (_request, reply) => reply.redirect('/docs', 302));
    return;
  }
  const policy = contentSecurityPolicy(config);
  await app.register(async (page: GatewayApp) => {
    hideRefusedPaths(page);
    page.addHook('onRequest', (request, reply, done) => {
      // The names of assets change with what is in them.
      const isAsset = request.routeOptions.url?.startsWith('/assets/') === true;
      reply.headers({
        'content-security-policy': policy,
        'cache-control': isAsset ? 'public, max-age=31536000, immutable' : 'no-cache',
      });
      // Beside the origin, where pages of others may read it.
      if (isAsset) reply.header('vary', [reply.getHeader('vary') ?? [], 'accept-encoding'].flat().join(', '));
      done();
    });
    await page.register(serveStatic, {
      root: site,
      wildcard: false,
      cacheControl: false,
      schemaHide: true,
      preCompressed: true,
    });
  });
}
