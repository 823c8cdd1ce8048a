import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { openBlobStore, resultKey, type BlobStore } from '@tessera/blob-store';
import { parseConfig, TesseraError } from '@tessera/contracts';
import type { RunningJob } from '@tessera/queue';
import { noTracing } from '@tessera/tracing';
import { createJobHandler } from './job-handler.js';
import type { Models } from './models.js';
import { WorkerMetrics } from './worker-metrics.js';

const key = resultKey('job');

/** A handler of canaries whose model calls back while it runs. */
async function open(test: TestContext, whileRunning: () => void = () => undefined) {
  const directory = await mkdtemp(join(tmpdir(), 'tessera-job-handler-'));
  const config = parseConfig({ DATA_DIR: directory });
  const blobs = await openBlobStore(config, assert.ifError);
  test.after(async () => {
    await blobs.close();
    await rm(directory, { recursive: true });
  });
  const pipeline = {
    embedImages: () => {
      whileRunning();
      return Promise.resolve([]);
    },
  };
  const model = { description: { name: 'model' }, pipeline };
  const models = {
    segmentation: { descriptions: [] },
    composition: { descriptions: [model.description], find: () => model },
  };
  const tools = { blobs, metrics: new WorkerMetrics(), tracing: noTracing, cache: undefined };
  return { blobs, handle: createJobHandler(config, models as unknown as Models, tools) };
}

function job(signal: AbortSignal): RunningJob {
  return {
    id: 'job',
    data: { kind: 'canary' },
    attempt: 1,
    failures: 0,
    isLastAttempt: false,
    enqueuedAt: Date.now(),
    earlierProgress: null,
    signal,
    // Rejects, as that of the queue does: it never throws.
    throwIfCancelled: () =>
      Promise.resolve().then(() => {
        signal.throwIfAborted();
      }),
    progress: () => Promise.resolve(),
  };
}

async function stored(blobs: BlobStore): Promise<string | undefined> {
  const bytes = await blobs.get(key);
  return bytes === null ? undefined : Buffer.from(bytes).toString();
}

describe('the result of a job', () => {
  it('stays as its first attempt has stored it', async (test) => {
    const { blobs, handle } = await open(test);
    await blobs.put(key, Buffer.from('of another worker'), { ttlMs: null });
    assert.equal(await handle(job(new AbortController().signal)), key);
    assert.equal(await stored(blobs), 'of another worker');
  });

  it('of another worker survives an attempt that has lost the job', async (test) => {
    const lost = new AbortController();
    const { blobs, handle } = await open(test, () => {
      lost.abort(new Error('The job was interrupted: lock-lost'));
    });
    await blobs.put(key, Buffer.from('of another worker'), { ttlMs: null });
    await assert.rejects(handle(job(lost.signal)), /lock-lost/);
    assert.equal(await stored(blobs), 'of another worker');
  });

  it('is removed when the job was cancelled meanwhile', async (test) => {
    const cancelled = new AbortController();
    const { blobs, handle } = await open(test, () => {
      cancelled.abort(new TesseraError('TSR_JOB_CANCELLED', 'The job was cancelled.'));
    });
    await assert.rejects(handle(job(cancelled.signal)), { code: 'TSR_JOB_CANCELLED' });
    assert.equal(await stored(blobs), undefined);
  });
});
