import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { RedisServer, redisSkipReason, TcpProxy } from '@tessera/runtime/testing';
import { linkModels } from '../support/models.js';
import { drawnPicture, finishedJob, postJob, postSegment } from '../support/requests.js';
import type { RunningProcess } from '../support/process.js';
import { startGateway, startWorker } from '../support/services.js';

/** Longest time for an answer that comes at once, on a busy machine. */
const atOnceMs = 1_000;
const recoveryMs = 2_000;
/** Longest time until connections that carry nothing any more have been replaced. */
const replacementMs = 25_000;
/** Half of the time after which a process is ended by force. */
const longestEndMs = 12_000;

describe('a Redis that hangs', { skip: redisSkipReason, timeout: 300_000 }, () => {
  let redis: RedisServer;
  let picture: Buffer;
  const started: RunningProcess[] = [];

  before(async () => {
    redis = await RedisServer.start();
    picture = await drawnPicture();
  });

  after(async () => {
    await Promise.all(started.map((process) => process.stop('SIGKILL')));
    await redis.remove();
  });

  async function newGateway(redisUrl = redis.url) {
    const gateway = await startGateway({ REDIS_URL: redisUrl });
    started.push(gateway.process);
    return gateway;
  }

  async function newWorker(redisUrl = redis.url) {
    const environment = { REDIS_URL: redisUrl, MODELS_DIR: linkModels('tessera-baseline'), TESSERA_THREADS: '1' };
    const worker = await startWorker(environment);
    started.push(worker);
    return worker;
  }

  it('makes the gateway answer 503 at once, until it answers again', async () => {
    const { url } = await newGateway();
    const requests = {
      '/segment': () => postSegment(url, picture, 'the sign', { headers: { prefer: 'respond-async' } }),
      '/images': () => postImage(url, picture),
      '/models': () => fetch(`${url}/models`),
      '/jobs/unknown': () => fetch(`${url}/jobs/unknown`),
    };
    redis.pause();
    try {
      // The first ones find out.
      for (const request of Object.values(requests)) assert.equal((await request()).status, 503);
      for (const [path, request] of Object.entries(requests)) {
        const startedAt = performance.now();
        const response = await request();
        assert.ok(performance.now() - startedAt < atOnceMs, path);
        assert.equal(response.status, 503, path);
        assert.equal(response.headers.get('retry-after'), '5', path);
      }
    } finally {
      redis.resume();
    }
    const resumedAt = performance.now();
    while ((await requests['/segment']()).status !== 202) {
      assert.ok(performance.now() - resumedAt < recoveryMs, 'the gateway has not recovered');
      await delay(50);
    }
  });

  it('does not keep gateway and worker from ending on SIGTERM; the running job is taken up by another worker', async () => {
    const [gateway, worker] = await Promise.all([newGateway(), newWorker()]);
    const ids = await Promise.all(Array.from({ length: 6 }, () => postJob(gateway.url, picture, 'the stop sign')));
    await delay(300);
    redis.pause();
    const startedAt = performance.now();
    const exitCodes = await Promise.all([gateway.process.stop('SIGTERM'), worker.stop('SIGTERM')]);
    const tookMs = performance.now() - startedAt;
    redis.resume();
    assert.deepEqual(exitCodes, [0, 0]);
    assert.ok(tookMs < longestEndMs, `it took ${tookMs} ms`);

    const [{ url }] = await Promise.all([newGateway(), newWorker()]);
    for (const id of ids) assert.equal((await finishedJob(url, id)).status, 'succeeded');
  });

  it('is left for a new connection when the present ones are silent for good', async (test) => {
    const network = await TcpProxy.start(() => Number(new URL(redis.url).port));
    test.after(() => {
      network.close();
    });
    const redisUrl = `redis://127.0.0.1:${network.port}`;
    const [{ url }] = await Promise.all([newGateway(redisUrl), newWorker(redisUrl)]);
    const ask = () => postSegment(url, picture, 'the stop sign');
    assert.equal((await ask()).status, 200);
    network.silence();
    const silencedAt = performance.now();
    while ((await ask()).status !== 200) {
      assert.ok(performance.now() - silencedAt < replacementMs, 'gateway and worker have not recovered');
      await delay(200);
    }
  });
});

function postImage(url: string, picture: Buffer): Promise<Response> {
  const body = new Uint8Array(picture);
  return fetch(`${url}/images`, { method: 'POST', headers: { 'content-type': 'image/png' }, body });
}
