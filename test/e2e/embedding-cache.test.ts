import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { RedisServer, redisSkipReason } from '@tessera/runtime/testing';
import { cleanUpAfter } from '../support/clean-up.js';
import { linkModels } from '../support/models.js';
import { drawnPicture, finishedJob, postJob } from '../support/requests.js';
import { startEmbedded, startGateway, startWorker } from '../support/services.js';

const query = 'the stop sign';
const models = linkModels('tessera-mini');

/** What a scrape says of the vision stage. */
interface VisionFigures {
  readonly stored: number;
  readonly hits: number;
  readonly invalid: number;
  readonly shared: number;
  /** Runs of SAM's encoder, those of the start included. The detector also runs for canaries. */
  readonly encoderRuns: number;
}

async function visionFigures(url: string): Promise<VisionFigures> {
  const text = await (await fetch(url)).text();
  const value = (series: string): number =>
    Array.from(text.matchAll(new RegExp(`^tessera_worker_${series} ([0-9.e+]+)$`, 'gm')), ([, figure]) =>
      Number(figure),
    ).reduce((sum, figure) => sum + figure, 0);
  return {
    stored: value('embedding_cache_writes_total{outcome="stored"}'),
    hits: value('embedding_cache_lookups_total{outcome="hit"}'),
    invalid: value('embedding_cache_lookups_total{outcome="invalid"}'),
    shared: value('embeddings_total{model="tessera-mini",source="shared"}'),
    encoderRuns: value('graph_run_seconds_count{model="tessera-mini",graph="image_encoder",device="0"}'),
  };
}

async function untilStored(url: string, count: number): Promise<void> {
  const deadline = Date.now() + 20_000;
  while ((await visionFigures(url)).stored < count) {
    assert.ok(Date.now() < deadline, `${count} entries are not stored`);
    await delay(50);
  }
}

/** What a job about the picture found, and how long it took. */
async function answerOf(url: string, picture: Buffer) {
  const { status, result } = await finishedJob(url, await postJob(url, picture, query), 120_000);
  assert.equal(status, 'succeeded');
  assert.equal(result?.results[0]?.present, true);
  const { results, image, timings_ms: timings } = result as typeof result & Measured;
  return { answer: { results, image }, timings };
}

interface Measured {
  readonly image: object;
  readonly timings_ms: Readonly<Record<string, number>>;
}

test(
  'a further question goes to another worker, which skips the vision stage',
  { skip: redisSkipReason },
  async (t) => {
    const redis = await RedisServer.start();
    t.after(() => redis.remove());
    const environment = { REDIS_URL: redis.url, TESSERA_METRICS_PORT: '0', MODELS_DIR: models };
    const gateway = await startGateway({ REDIS_URL: redis.url });
    t.after(() => gateway.process.stop('SIGKILL'));
    const picture = await drawnPicture(1);

    const one = await startMeasuredWorker(t, environment);
    const first = await answerOf(gateway.url, picture);
    await untilStored(one.metrics, 2);
    await one.process.stop('SIGKILL');

    const other = await startMeasuredWorker(t, environment);
    const earlier = await visionFigures(other.metrics);
    const further = await answerOf(gateway.url, picture);
    const afterwards = await visionFigures(other.metrics);
    assert.deepEqual(further.answer, first.answer);
    assert.equal(afterwards.encoderRuns, earlier.encoderRuns, 'the image was not encoded again');
    assert.deepEqual([afterwards.shared - earlier.shared, afterwards.hits - earlier.hits], [1, 2]);
    assert.equal(further.timings.decode, 0);
  },
);

async function startMeasuredWorker(t: TestContext, environment: Readonly<Record<string, string>>) {
  const process = await startWorker(environment);
  t.after(() => process.stop('SIGKILL'));
  const [, port = ''] = await process.waitForOutput(/"port":(\d+),"msg":"metrics are served"/, 10_000);
  return { process, metrics: `http://127.0.0.1:${port}/metrics` };
}

test('the embedded service still knows an image after a restart, and survives a damaged cache', async (t) => {
  const cleanUp = cleanUpAfter(t);
  const directory = await mkdtemp(join(tmpdir(), 'tessera-cache-'));
  cleanUp(() => rm(directory, { recursive: true, force: true }));
  const picture = await drawnPicture(2);
  const start = async () => {
    const service = await startEmbedded({ DATA_DIR: directory, MODELS_DIR: models });
    cleanUp(() => service.process.stop('SIGKILL'));
    return { ...service, metrics: `${service.url}/metrics` };
  };

  const service = await start();
  const first = await answerOf(service.url, picture);
  // What waits to be stored is stored before the end.
  await service.process.stop('SIGTERM');

  const restarted = await start();
  const earlier = await visionFigures(restarted.metrics);
  assert.deepEqual((await answerOf(restarted.url, picture)).answer, first.answer);
  const afterwards = await visionFigures(restarted.metrics);
  assert.equal(afterwards.encoderRuns, earlier.encoderRuns, 'the image was not encoded again');
  assert.deepEqual([afterwards.shared, afterwards.hits], [1, 2]);
  await restarted.process.stop('SIGTERM');

  const cached = join(directory, 'embeddings');
  for (const name of await readdir(cached)) await truncate(join(cached, name), 5_000);
  const again = await start();
  assert.deepEqual((await answerOf(again.url, picture)).answer, first.answer);
  const { invalid, shared } = await visionFigures(again.metrics);
  assert.deepEqual([invalid, shared], [2, 0]);
  await again.process.stop('SIGTERM');
});

test('with TESSERA_EMBEDDING_CACHE_MB=0 nothing is shared', async (t) => {
  const cleanUp = cleanUpAfter(t);
  const directory = await mkdtemp(join(tmpdir(), 'tessera-cache-'));
  cleanUp(() => rm(directory, { recursive: true, force: true }));
  const service = await startEmbedded({ DATA_DIR: directory, MODELS_DIR: models, TESSERA_EMBEDDING_CACHE_MB: '0' });
  cleanUp(() => service.process.stop('SIGKILL'));
  await answerOf(service.url, await drawnPicture(3));
  await service.process.stop('SIGTERM');
  assert.ok(!(await readdir(directory)).includes('embeddings'));
});
