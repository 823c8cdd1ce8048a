import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { openFileBlobStore, workerKeyPrefix } from '@tessera/blob-store';
import type { WorkerReport } from '@tessera/contracts';
import { pino } from 'pino';
import { startHeartbeat } from './heartbeat.js';

test('a heartbeat that is being written when the worker stops does not bring its report back', async (t) => {
  const directory = await mkdtemp(path.join(tmpdir(), 'tessera-heartbeat-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const store = await openFileBlobStore({ directory, onError: assert.ifError });
  t.after(() => store.close());
  const report: WorkerReport = {
    id: 'one',
    started_at: new Date(0).toISOString(),
    execution_provider: 'cpu',
    devices: [],
    models: [],
    jobs: { succeeded: 0, failed: 0, running: 0 },
    inference_restarts: 0,
  };
  t.mock.timers.enable({ apis: ['setInterval'] });
  const heartbeat = await startHeartbeat(store, pino({ level: 'silent' }), () => report);
  assert.deepEqual(await store.list(workerKeyPrefix), [`${workerKeyPrefix}one`]);

  const put = store.put.bind(store);
  let written: Promise<void> = Promise.resolve();
  store.put = (...blob) =>
    (written = new Promise<void>((resolve) => setTimeout(resolve, 100)).then(() => put(...blob)));
  t.mock.timers.tick(5_000);
  await heartbeat.stop();
  await written;
  assert.deepEqual(await store.list(workerKeyPrefix), []);
});
