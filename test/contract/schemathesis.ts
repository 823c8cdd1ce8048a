import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startEmbedded } from '../support/services.js';

/**
 * `npm run test:contract`: runs Schemathesis against the embedded server and its OpenAPI document, with the real models.
 * Installs it from PyPI into `test/.venv`; needs Python 3 with venv. Ends with its exit status.
 */
const version = '4.32.5';
const root = fileURLToPath(new URL('../../../', import.meta.url));
const environment = join(root, 'test/.venv');
const configuration = join(root, 'test/contract');

function run(command: string, ...commandArguments: string[]): number {
  const { status, error } = spawnSync(command, commandArguments, {
    cwd: environment,
    stdio: 'inherit',
    env: { ...process.env, SCHEMATHESIS_HOOKS: 'serializers', PYTHONPATH: configuration },
  });
  if (error !== undefined) throw error;
  return status ?? 1;
}

function install(): void {
  const { status } = spawnSync('python3', ['-m', 'venv', environment], { stdio: 'inherit' });
  if (status !== 0) throw new Error('python3 -m venv has failed; the contract test needs Python 3 with venv');
  const pip = ['install', '--quiet', '--disable-pip-version-check', `schemathesis==${version}`];
  if (run(join(environment, 'bin/pip'), ...pip) !== 0) throw new Error('Schemathesis could not be installed');
}

async function untilReady(url: string): Promise<void> {
  const deadline = Date.now() + 120_000;
  while (!(await fetch(`${url}/readyz`)).ok) {
    if (Date.now() > deadline) throw new Error('The service has not become ready');
    await delay(500);
  }
}

install();
const directory = await mkdtemp(join(tmpdir(), 'tessera-contract-'));
const service = await startEmbedded({ DATA_DIR: directory, LOG_LEVEL: 'silent', TESSERA_WAIT_S: '5' });
try {
  await untilReady(service.url);
  const config = ['--config-file', join(configuration, 'schemathesis.toml')];
  const phases = ['--phases', 'examples,coverage,fuzzing'];
  const document = join(root, 'openapi/openapi.json');
  process.exitCode = run(
    join(environment, 'bin/schemathesis'),
    ...config,
    'run',
    document,
    '--url',
    service.url,
    ...phases,
  );
} finally {
  await service.process.stop('SIGTERM');
  await rm(directory, { recursive: true });
}
