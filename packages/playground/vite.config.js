import { defineConfig } from 'vite';

/** The service that the page talks to while it is worked on. */
const service = process.env.TESSERA_CLIENT_URL ?? 'http://127.0.0.1:3000';
const routes = ['/segment', '/classify-composition', '/jobs', '/vocabularies', '/docs'];

export default defineConfig({
  // The service may be below a path.
  base: './',
  build: {
    // Beside what tsc compiles for the unit tests.
    outDir: 'dist/site',
    emptyOutDir: true,
    target: 'es2023',
    // Files inlined as data URLs would need a content security policy that allows them.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    // Imported by parts of packages that the page does not use.
    rolldownOptions: { external: [/^node:/] },
  },
  server: { proxy: Object.fromEntries(routes.map((route) => [route, service])) },
  logLevel: 'warn',
});
