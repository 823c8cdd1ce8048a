import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startEmbedded } from '../support/services.js';
import { installSchemathesis, runSchemathesis } from './run-schemathesis.js';

/**
 * `npm run test:contract`: runs Schemathesis against the embedded server and its OpenAPI document, with the real models.
 * Ends with its exit status.
 */
async function untilReady(url: string): Promise<void> {
  const deadline = Date.now() + 120_000;
  while (!(await fetch(`${url}/readyz`)).ok) {
    if (Date.now() > deadline) throw new Error('The service has not become ready');
    await delay(500);
  }
}

installSchemathesis();
const directory = await mkdtemp(join(tmpdir(), 'tessera-contract-'));
const service = await startEmbedded({ DATA_DIR: directory, LOG_LEVEL: 'silent', TESSERA_WAIT_S: '5' });
try {
  await untilReady(service.url);
  process.exitCode = (await runSchemathesis(service.url)).status;
} finally {
  await service.process.stop('SIGTERM');
  await rm(directory, { recursive: true });
}
