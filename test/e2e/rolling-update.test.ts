import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { RedisServer, redisSkipReason } from '@tessera/runtime/testing';
import type { RunningProcess } from '../support/process.js';
import { linkModels } from '../support/models.js';
import { bodyOf, drawnPicture, finishedJob, postSegment } from '../support/requests.js';
import { startGateway, startWorker, type HttpService } from '../support/services.js';

const clients = 3;
/** Between two requests of a client: processes need the cores to start. */
const pauseMs = 200;
/** Answers before and after each step of the update. */
const answersPerStep = 6;
const stepTimeoutMs = 240_000;
const preStopMs = 1_000;

let redis: RedisServer;
/** The smallest of the models: processes start sooner. */
const models = linkModels('tessera-baseline');
const started: RunningProcess[] = [];

before(async () => {
  if (redisSkipReason) return;
  redis = await RedisServer.start();
});

after(async () => {
  if (redisSkipReason) return;
  await Promise.all(started.map((process) => process.stop('SIGKILL')));
  await redis.remove();
});

async function newGateway(): Promise<HttpService> {
  const gateway = await startGateway({ REDIS_URL: redis.url });
  started.push(gateway.process);
  return gateway;
}

async function newWorker(): Promise<RunningProcess> {
  const worker = await startWorker({ REDIS_URL: redis.url, MODELS_DIR: models, TESSERA_THREADS: '1' });
  started.push(worker);
  return worker;
}

test('a rolling update under load loses no request and ends no job twice', { skip: redisSkipReason }, async () => {
  const [oldGateway, oldWorker] = await Promise.all([newGateway(), newWorker()]);
  /** Where new requests go, as a load balancer decides it. */
  let current = oldGateway;
  const answered: string[] = [];
  const failures: unknown[] = [];
  let isOver = false;

  async function ask(serial: number): Promise<void> {
    // Two pictures, whose detections a worker keeps: the queue is tested, not the model.
    const picture = await drawnPicture(serial % 2);
    const response = await postSegment(current.url, picture, 'the stop sign');
    const body = await bodyOf(response);
    assert.ok(response.status === 200 || response.status === 202, `${response.status} ${JSON.stringify(body)}`);
    if (response.status === 202) assert.equal((await finishedJob(current.url, body.id)).status, 'succeeded');
    answered.push(body.id);
  }

  const load = Array.from({ length: clients }, async (_, client) => {
    for (let serial = client; !isOver; serial++) {
      await ask(serial).catch((error: unknown) => failures.push(error));
      await delay(pauseMs);
    }
  });

  async function moreAnswers(): Promise<void> {
    const enough = answered.length + answersPerStep;
    const deadline = Date.now() + stepTimeoutMs;
    while (answered.length < enough && failures.length === 0) {
      assert.ok(Date.now() < deadline, 'the requests are not answered');
      await delay(20);
    }
  }

  let newest = oldGateway;
  try {
    await moreAnswers();
    // Workers first: a newer gateway may ask for what an older worker does not know.
    await newWorker();
    assert.equal(await oldWorker.stop('SIGTERM'), 0);
    await moreAnswers();
    newest = await newGateway();
    current = newest;
    // As the chart's pre-stop hook: requests that were being sent to the old gateway arrive there.
    await delay(preStopMs);
    assert.equal(await oldGateway.process.stop('SIGTERM'), 0);
    await moreAnswers();
  } finally {
    isOver = true;
    await Promise.all(load);
  }

  assert.deepEqual(failures, []);
  assert.equal(new Set(answered).size, answered.length, 'every request is a job of its own');
  const ended = () => [...endedJobs(oldGateway.process), ...endedJobs(newest.process)];
  const deadline = Date.now() + 30_000;
  while (!answered.every((id) => ended().includes(id))) {
    assert.ok(Date.now() < deadline, 'an answered job has not ended');
    await delay(50);
  }
  const times = new Map<string, number>();
  for (const id of ended()) times.set(id, (times.get(id) ?? 0) + 1);
  assert.deepEqual(
    answered.filter((id) => times.get(id) !== 1),
    [],
    'a job has ended more than once',
  );
  assert.equal(ended().length, answered.length, 'a job has ended that nobody waited for');
});

/** Ids of the segmentations whose ends a gateway has logged. */
function endedJobs(gateway: RunningProcess): string[] {
  return gateway
    .output()
    .split('\n')
    .filter((line) => line.includes('"msg":"job ended"'))
    .map((line) => JSON.parse(line) as { job: string; kind: string })
    .filter(({ kind }) => kind === 'segment')
    .map(({ job }) => job);
}
