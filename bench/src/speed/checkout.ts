import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot } from '@tessera/evaluation';

const execute = promisify(execFile);

export interface Checkout {
  readonly commit: string;
  /** Its root, with installed packages, compiled services and built models. */
  readonly directory: string;
}

/**
 * A commit of this repository, cloned into the system's temporary directory and built there. It stays for the next time.
 *
 * @throws Error when the commit is not known or does not build
 */
export async function buildCheckout(reference: string): Promise<Checkout> {
  const { stdout } = await execute('git', ['rev-parse', '--verify', `${reference}^{commit}`], { cwd: repositoryRoot });
  const commit = stdout.trim();
  const directory = join(tmpdir(), `tessera-${commit.slice(0, 12)}`);
  if (!existsSync(directory)) {
    await run(repositoryRoot, 'git', 'clone', '--quiet', '--shared', '--no-checkout', '.', directory);
    await run(directory, 'git', 'checkout', '--quiet', '--detach', commit);
  }
  if (!existsSync(join(directory, 'node_modules', '.package-lock.json'))) await run(directory, 'npm', 'ci');
  await run(directory, 'npm', 'run', 'models');
  await run(directory, 'npx', 'tsc', '-b', 'services/standalone');
  return { commit, directory };
}

/** Runs a program; what it prints goes to stderr. */
async function run(cwd: string, program: string, ...parameters: string[]): Promise<void> {
  console.error(`${program} ${parameters.join(' ')}`);
  const child = spawn(program, parameters, { cwd, stdio: ['ignore', process.stderr, process.stderr] });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${program} ${parameters.join(' ')} failed in ${cwd}.`);
}
