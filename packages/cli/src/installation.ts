import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CommandFailure } from './command-errors.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** The directory that this command line was installed in, wherever it is called from. */
export const installation = fileURLToPath(new URL('../../../', import.meta.url));

export const modelBuilder = join(installation, 'packages/bundle-builder/dist/cli.js');

export function serviceMain(service: 'standalone' | 'gateway' | 'worker'): string {
  return join(installation, 'services', service, 'dist/main.js');
}

/** Where models and data are: unless the environment says otherwise, in the installation. */
export function directoriesOf({ MODELS_DIR, DATA_DIR }: Environment): { MODELS_DIR: string; DATA_DIR: string } {
  return {
    MODELS_DIR: resolve(MODELS_DIR ?? join(installation, 'models')),
    DATA_DIR: resolve(DATA_DIR ?? join(installation, '.tessera/data')),
  };
}

/** Compiles these packages of the installation, unless they are compiled already. */
export async function compile(packages: Readonly<Record<string, string>>): Promise<void> {
  const missing = Object.keys(packages).filter((folder) => !existsSync(packages[folder] ?? ''));
  if (missing.length > 0) await runNode('scripts/build.js', missing, {});
}

/**
 * Runs a script of the installation; its output goes to the standard error.
 *
 * @throws CommandFailure when it fails
 */
export async function runNode(script: string, words: readonly string[], environment: Environment): Promise<void> {
  const child = spawn(process.execPath, [resolve(installation, script), ...words], {
    cwd: installation,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 2, 2],
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new CommandFailure(`${script} failed; run \`npm ci\` in ${installation} and try again.`);
}
