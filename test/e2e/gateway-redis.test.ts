import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { redisSkipReason, RedisServer } from '@tessera/runtime/testing';
import { drawnPicture, postJob, postSegment } from '../support/requests.js';
import { startGateway, type HttpService } from '../support/services.js';

describe('a gateway and its Redis', { skip: redisSkipReason, timeout: 120_000 }, () => {
  let redis: RedisServer;
  let gateway: HttpService;
  let picture: Buffer;

  before(async () => {
    picture = await drawnPicture();
    redis = await RedisServer.start();
    gateway = await startGateway({ REDIS_URL: redis.url, TESSERA_DRAIN_S: '1' });
  });

  after(async () => {
    await gateway.process.stop('SIGKILL');
    await redis.remove();
  });

  it('answers 503 at once while Redis is down, and recovers by itself', async () => {
    await postJob(gateway.url, picture, 'the sign');
    await redis.stop();

    const startedAt = performance.now();
    const response = await postSegment(gateway.url, picture, 'the sign');
    assert.ok(performance.now() - startedAt < 2_000);
    assert.equal(response.status, 503);
    assert.equal(response.headers.get('retry-after'), '5');
    assert.equal(((await response.json()) as { code: string }).code, 'TSR_QUEUE_UNAVAILABLE');
    for (const [path, status] of [
      ['/livez', 200],
      ['/metrics', 200],
      ['/docs/', 200],
      ['/readyz', 503],
      ['/models', 503],
      ['/jobs/unknown', 503],
    ] as const) {
      const answer = await fetch(`${gateway.url}${path}`, { signal: AbortSignal.timeout(2_000) });
      assert.equal(answer.status, status, path);
      await answer.body?.cancel();
    }

    await redis.start();
    const deadline = Date.now() + 10_000;
    while (
      (await postSegment(gateway.url, picture, 'the sign', { headers: { prefer: 'respond-async' } })).status !== 202
    ) {
      assert.ok(Date.now() < deadline, 'the gateway has not recovered in ten seconds');
      await delay(100);
    }
  });

  it('answers waiting requests before it ends on SIGTERM', async () => {
    const waiting = postSegment(gateway.url, picture, 'the sign');
    await waitForMetric('tessera_http_waiting_requests 1');
    const startedAt = performance.now();
    const [response, exitCode] = await Promise.all([waiting, gateway.process.stop('SIGTERM')]);
    assert.equal(response.status, 202);
    assert.equal(exitCode, 0);
    assert.ok(performance.now() - startedAt < 5_000);
    await assert.rejects(fetch(`${gateway.url}/livez`));
  });

  async function waitForMetric(line: string): Promise<void> {
    const deadline = Date.now() + 5_000;
    while (!(await (await fetch(`${gateway.url}/metrics`)).text()).includes(line)) {
      assert.ok(Date.now() < deadline, `no ${line} in five seconds`);
      await delay(50);
    }
  }
});
