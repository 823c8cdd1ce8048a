import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { defineConfig } from 'vite';

/** The service that the page talks to while it is worked on. */
const service = process.env.TESSERA_CLIENT_URL ?? 'http://127.0.0.1:3000';
const routes = ['/segment', '/classify-composition', '/images', '/jobs', '/vocabularies', '/docs'];

/** Writes scripts and styles a second time, compressed: the gateway compresses nothing while it serves. */
const compressed = {
  name: 'compressed',
  apply: 'build',
  async writeBundle({ dir }, bundle) {
    for (const file of Object.values(bundle)) {
      if (!/\.(js|css)$/.test(file.fileName)) continue;
      const text = file.type === 'chunk' ? file.code : file.source;
      await writeFile(join(dir, `${file.fileName}.gz`), gzipSync(text, { level: 9 }));
    }
  },
};

export default defineConfig({
  // The service may be below a path.
  base: './',
  plugins: [compressed],
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
