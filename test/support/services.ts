import assert from 'node:assert/strict';
import { join } from 'node:path';
import { provideEmptyQueue } from '@tessera/runtime/testing';
import { startProcess, type RunningProcess } from './process.js';

/** A started service; `url` answers HTTP. */
export interface HttpService {
  readonly url: string;
  readonly process: RunningProcess;
}

const startTimeoutMs = 90_000;

/** What the embedded service needs, and other settings. */
interface EmbeddedEnvironment extends Readonly<Record<string, string>> {
  readonly DATA_DIR: string;
}

/** Starts gateway and worker in one process on a free port, and waits until it says that it is ready. */
export async function startEmbedded(environment: EmbeddedEnvironment): Promise<HttpService> {
  provideEmptyQueue(join(environment.DATA_DIR, 'queue'));
  const service = startProcess('node', ['services/standalone/dist/main.js'], { PORT: '0', ...environment });
  const [, url = ''] = await service.waitForOutput(/Tessera is ready: (\S+)/, startTimeoutMs);
  return { url, process: service };
}

/**
 * Starts a gateway on a free port, and waits until it listens.
 *
 * @param root - of the installation, this one by default
 */
export async function startGateway(environment: Readonly<Record<string, string>>, root = '.'): Promise<HttpService> {
  const service = startProcess('node', [join(root, 'services/gateway/dist/main.js')], { PORT: '0', ...environment });
  const [, url = ''] = await service.waitForOutput(/Server listening at ([^"\s]+)/, startTimeoutMs);
  return { url, process: service };
}

/** Starts a worker, and waits until it claims jobs. */
export async function startWorker(environment: Readonly<Record<string, string>>): Promise<RunningProcess> {
  const worker = startProcess('node', ['services/worker/dist/main.js'], environment);
  await worker.waitForOutput(/worker is ready/, startTimeoutMs);
  return worker;
}

/** Process id of the latest inference process that a worker or an embedded service has started, side processes aside. */
export function inferencePid(service: RunningProcess): number {
  const lines = service.output().split('\n');
  const line = lines.findLast((text) => text.includes('inference process is ready') && !text.includes('"side"'));
  assert.ok(line, 'the log names no inference process');
  return (JSON.parse(line) as { inferencePid: number }).inferencePid;
}
