import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openFileBlobStore, workerKeyPrefix } from '@tessera/blob-store';
import { TesseraError } from '@tessera/contracts';
import { reportWorker } from '../testing/test-gateway.js';
import { requireModel } from './require-model.js';
import { WorkerDirectory } from './worker-directory.js';

test('a model that a worker serves is looked up once for many requests, one that none is known to serve each time', async (context) => {
  const directory = await mkdtemp(join(tmpdir(), 'tessera-workers-'));
  const blobs = await openFileBlobStore({ directory, onError: console.error });
  context.after(async () => {
    await blobs.close();
    await rm(directory, { recursive: true });
  });
  const reads = context.mock.method(blobs, 'list');
  const workers = new WorkerDirectory(blobs);
  const clock = context.mock.method(performance, 'now', () => 0);
  const require = (name: string, at: number) => {
    clock.mock.mockImplementation(() => at);
    return requireModel(name, 'segmentation', workers);
  };
  await reportWorker(blobs, 'one', 'tessera-mini');

  await require('tessera-mini', 0);
  await require('tessera-mini', 9_000);
  assert.equal(reads.mock.callCount(), 1);
  assert.deepEqual(reads.mock.calls[0]?.arguments, [workerKeyPrefix]);

  await assert.rejects(require('other', 9_000), (error) => {
    return TesseraError.isInstance(error) && error.code === 'TSR_MODEL_NOT_FOUND';
  });
  await reportWorker(blobs, 'two', 'other');
  await require('other', 11_000);
  assert.equal(reads.mock.callCount(), 3);

  await require('tessera-mini', 22_000);
  assert.equal(reads.mock.callCount(), 4);
});
