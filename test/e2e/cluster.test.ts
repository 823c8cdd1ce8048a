import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { RedisServer, redisSkipReason } from '@tessera/runtime/testing';
import { linkModels } from '../support/models.js';
import type { RunningProcess } from '../support/process.js';
import { bodyOf, drawnPicture, finishedJob, postJob, postSegment } from '../support/requests.js';
import { startGateway, startWorker, type HttpService } from '../support/services.js';

const options = { skip: redisSkipReason };
let redis: RedisServer;
let environment: Record<string, string>;
let gateway: HttpService;
let workers: RunningProcess[];

before(async () => {
  if (redisSkipReason) return;
  redis = await RedisServer.start();
  environment = { REDIS_URL: redis.url, TESSERA_THREADS: '1', MODELS_DIR: linkModels('tessera-mini') };
  gateway = await startGateway(environment);
  workers = await Promise.all([startWorker(environment), startWorker(environment)]);
});

after(async () => {
  if (redisSkipReason) return;
  await Promise.all([gateway.process, ...workers].map((process) => process.stop('SIGKILL')));
  await redis.remove();
});

test('gateway and workers in processes of their own answer a request', options, async () => {
  const response = await postSegment(gateway.url, await drawnPicture(), 'the stop sign');
  assert.equal(response.status, 200);
  assert.equal((await bodyOf(response)).results[0].present, true);
  const ready = await bodyOf(await fetch(`${gateway.url}/readyz`));
  assert.equal(ready.workers.length, 2);
});

test('a worker shows what it measures, on a port of its own', options, async () => {
  const worker = await startWorker({ ...environment, TESSERA_METRICS_PORT: '0' });
  try {
    const [, port = ''] = await worker.waitForOutput(/"port":(\d+),"msg":"metrics are served"/, 10_000);
    const scrape = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const attempts = /tessera_worker_attempts_total\{kind="segment",outcome="succeeded",code=""\} (\d+)/;
    // Other workers take jobs too; several questions about one picture find its embedding kept.
    const picture = await drawnPicture(20);
    for (let request = 0; request < 60 && Number(attempts.exec(await scrape())?.[1] ?? 0) < 2; request++) {
      assert.equal((await postSegment(gateway.url, picture, 'the stop sign')).status, 200);
    }
    const text = await scrape();
    for (const line of [
      attempts,
      /tessera_worker_stage_seconds_count\{model="tessera-mini",stage="mask"\} [1-9]/,
      /tessera_worker_graph_run_seconds_count\{model="tessera-mini",graph="image_encoder",device="0"\} [1-9]/,
      /tessera_worker_batch_runs_count\{model="tessera-mini",graph="\w+"\} [1-9]/,
      /tessera_worker_image_tokens_total\{model="tessera-mini",pruning="before"\} [1-9]/,
      /tessera_worker_image_tokens_total\{model="tessera-mini",pruning="after"\} [1-9]/,
      // Another worker may have seen the picture first.
      /tessera_worker_embeddings_total\{model="tessera-mini",source="(computed|shared)"\} 1/,
      /tessera_worker_embedding_cache_lookups_total\{outcome="(hit|miss)"\} [1-9]/,
      /tessera_worker_embeddings_total\{model="tessera-mini",source="kept"\} [1-9]/,
      /tessera_worker_device_ready\{device="0",provider="cpu"\} 1/,
      /tessera_worker_inference_restarts_total\{device="0"\} 0/,
      /process_resident_memory_bytes [1-9]/,
    ]) {
      assert.match(text, line);
    }
    assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 404);
  } finally {
    await worker.stop('SIGTERM');
  }
});

test('jobs of a worker that is killed are answered by the other', options, async () => {
  const ids = await Promise.all(
    Array.from({ length: 6 }, async (_, index) =>
      postJob(gateway.url, await drawnPicture(30 + index), 'the stop sign'),
    ),
  );
  await delay(300);
  const [victim, survivor] = workers;
  assert.ok(victim && survivor);
  await victim.stop('SIGKILL');
  for (const id of ids) assert.equal((await finishedJob(gateway.url, id)).status, 'succeeded');
  workers = [survivor];
});

test(
  'while Redis is down requests are refused at once, and accepted jobs are answered when it is back',
  options,
  async () => {
    const id = await postJob(gateway.url, await drawnPicture(40), 'the stop sign');
    await redis.stop();
    const askedAt = Date.now();
    const refused = await postSegment(gateway.url, await drawnPicture(41), 'the stop sign');
    assert.equal(refused.status, 503);
    assert.ok(Date.now() - askedAt < 3_000, 'the refusal came at once');
    assert.ok(refused.headers.get('retry-after'));
    assert.equal((await bodyOf(refused)).code, 'TSR_QUEUE_UNAVAILABLE');
    assert.equal((await fetch(`${gateway.url}/readyz`)).status, 503);
    assert.equal((await fetch(`${gateway.url}/livez`)).status, 200);

    await redis.start();
    assert.equal((await finishedJob(gateway.url, id)).status, 'succeeded');
    const again = await postSegment(gateway.url, await drawnPicture(42), 'the stop sign');
    assert.equal(again.status, 200);
  },
);
