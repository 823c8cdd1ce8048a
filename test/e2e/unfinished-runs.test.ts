import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { RedisServer, redisSkipReason } from '@tessera/runtime/testing';
import { poisonImage, tinyQuery, writeTinyModel } from '../chaos/tiny-model.js';
import { bodyOf, postJob } from '../support/requests.js';
import { inferencePid, startGateway, startWorker } from '../support/services.js';

const drainS = 1;
/** Of the drain and five seconds, after which the process is ended by force. */
const longestMs = 6_000;

describe('SIGTERM during a model run that outlasts the drain', { skip: redisSkipReason, timeout: 120_000 }, () => {
  it('hands the job back and ends the worker and its inference process in time', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tessera-run-'));
    await writeTinyModel(directory);
    const redis = await RedisServer.start();
    const settings = { REDIS_URL: redis.url, MODELS_DIR: directory, TESSERA_DRAIN_S: String(drainS) };
    const [gateway, worker] = await Promise.all([startGateway(settings), startWorker(settings)]);
    try {
      const id = await postJob(gateway.url, await poisonImage(0), tinyQuery);
      const statusOf = async () => (await bodyOf(await fetch(`${gateway.url}/jobs/${id}`))).status;
      while ((await statusOf()) !== 'running') await delay(50);
      await delay(500);
      const startedAt = performance.now();
      assert.equal(await worker.stop('SIGTERM'), 0);
      assert.ok(performance.now() - startedAt < longestMs);
      assert.equal(await statusOf(), 'queued');
      assert.throws(() => process.kill(inferencePid(worker), 0), { code: 'ESRCH' });
    } finally {
      await Promise.all([gateway.process.stop('SIGKILL'), worker.stop('SIGKILL')]);
      await redis.remove();
      await rm(directory, { recursive: true, force: true });
    }
  });
});
