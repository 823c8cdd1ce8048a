import { execFile } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { blocksOf } from './documents.js';
import { repositoryRoot } from './repository-copy.js';

const run = promisify(execFile);

/** The library that the README says is on npm. */
const published = 'node_modules/typebox';

/**
 * Packs the packages that the client's README names, as npm would publish them, and installs them as it says into an empty
 * project, without the network.
 */
export async function installPackedClient(directory: string): Promise<void> {
  const tarballs = join(directory, 'tarballs');
  await mkdir(tarballs, { recursive: true });
  const shell = (await blocksOf('packages/client/README.md', 'sh')).join('\n');
  const [packing = ''] = /^npm pack .*$/m.exec(shell) ?? [];
  const packages = Array.from(packing.matchAll(/-w (\S+)/g), ([, path = '']) => path);
  const folders = [...packages, published].map((path) => `./${path}`);
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', tarballs, ...folders], { cwd: repositoryRoot });
  await writeFile(join(directory, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  const files = (await readdir(tarballs)).map((name) => `./tarballs/${name}`);
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', ...files], { cwd: directory });
}

/** Compiles TypeScript as strictly as it goes, the declarations of the packages included. @throws Error with what is wrong */
export async function checkTypes(
  directory: string,
  files: readonly string[],
  moduleResolution: 'node16' | 'bundler',
): Promise<void> {
  const settings = {
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    target: 'es2023',
    module: moduleResolution === 'bundler' ? 'esnext' : 'node16',
    moduleResolution,
    typeRoots: [join(repositoryRoot, 'node_modules/@types')],
    types: ['node'],
  };
  const project = join(directory, `tsconfig.${moduleResolution}.json`);
  await writeFile(project, JSON.stringify({ compilerOptions: settings, files }));
  await run('node', [join(repositoryRoot, 'node_modules/typescript-native/bin/tsc'), '--project', project]).catch(
    (error: unknown) => {
      throw new Error((error as { stdout: string }).stdout);
    },
  );
}

/** Bundles the page of a directory for browsers, with Vite's defaults. */
export async function bundlePage(directory: string): Promise<void> {
  const vite = join(repositoryRoot, 'node_modules/vite/bin/vite.js');
  await run('node', [vite, 'build', '--base', './', '--logLevel', 'error'], { cwd: directory });
}
