import { spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { repositoryRoot } from '../support/repository-copy.js';

const version = '4.32.5';
const environment = join(repositoryRoot, 'test/.venv');
const program = join(environment, 'bin/schemathesis');
const configuration = join(repositoryRoot, 'test/contract');

/** Installs Schemathesis from PyPI into `test/.venv`, unless it is there; needs Python 3 with venv. @throws Error when that fails */
export function installSchemathesis(): void {
  const found = spawnSync(program, ['--version'], { encoding: 'utf8' });
  if (found.status === 0 && found.stdout.includes(version)) return;
  const venv = spawnSync('python3', ['-m', 'venv', environment], { stdio: 'inherit' });
  if (!succeeded(venv)) throw new Error('python3 -m venv has failed; Schemathesis needs Python 3 with venv');
  const pip = ['install', '--quiet', '--disable-pip-version-check', `schemathesis==${version}`];
  const installed = spawnSync(join(environment, 'bin/pip'), pip, { stdio: 'inherit' });
  if (!succeeded(installed)) throw new Error('Schemathesis could not be installed');
}

/**
 * Sends requests made up from the OpenAPI document to a service, and checks the answers: no 5xx but the documented 503 and
 * 504, and status, media type, headers and body as the document says, so that every error is `application/problem+json`.
 *
 * @param options - of `schemathesis run`, beyond `test/contract/schemathesis.toml`
 * @returns the exit status, and what it printed
 */
export async function runSchemathesis(
  url: string,
  options: readonly string[] = [],
): Promise<{ status: number; output: string }> {
  const document = join(repositoryRoot, 'openapi/openapi.json');
  const child = spawn(
    program,
    [
      ...['--config-file', join(configuration, 'schemathesis.toml'), 'run', document, '--url', url],
      ...['--phases', 'examples,coverage,fuzzing'],
      ...options,
    ],
    {
      cwd: environment,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, SCHEMATHESIS_HOOKS: 'serializers', PYTHONPATH: configuration },
    },
  );
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
    process.stdout.write(chunk);
  });
  const [status] = (await once(child, 'close')) as [number | null];
  return { status: status ?? 1, output };
}

function succeeded({ status, error }: SpawnSyncReturns<Buffer>): boolean {
  if (error !== undefined) throw error;
  return status === 0;
}
