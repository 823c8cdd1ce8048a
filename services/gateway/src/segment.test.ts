import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { imageKey } from '@tessera/blob-store';
import type { JobResponse } from '@tessera/contracts';
import type { JobQueue } from '@tessera/queue';
import {
  answerJobs,
  answerOf,
  jobOf,
  listen,
  problemOf,
  reportWorker,
  TestStores,
  until,
  type TestGateway,
} from './testing/test-gateway.js';
import { noisePng, turned } from './testing/test-images.js';

const png = noisePng(40, 30);
const dataUrl = `data:image/png;base64,${png.toString('base64')}`;
const id = `sha256:${createHash('sha256').update(png).digest('hex')}`;

let stores: TestStores;
let queue: JobQueue;
let gateway: TestGateway;

before(async () => {
  stores = await TestStores.open();
  queue = await stores.openQueue('segment');
  answerJobs(queue, stores.blobs);
  await reportWorker(stores.blobs, 'segment', 'tessera-mini');
  gateway = await listen(queue, stores);
});

after(async () => {
  await gateway.app.close();
  await stores.close();
});

function segment(body: object) {
  return gateway.client.post('/segment').send(body);
}

test('a data URL and a query are answered with the result, options with their defaults', async () => {
  const response = await segment({ image: dataUrl, query: 'the dog' }).expect(200);
  assert.match(response.headers['content-type'] ?? '', /^application\/json/);
  assert.match(response.headers['server-timing'] ?? '', /^intake;dur=[\d.]+, job;dur=[\d.]+$/);
  assert.match(response.headers['x-request-id'] ?? '', /^[\da-f-]{36}$/);
  assert.equal(response.headers['x-content-type-options'], 'nosniff');
  const answer = answerOf(response);
  assert.deepEqual(answer.results, [{ query: 'the dog' }]);
  assert.equal(answer.image, id);
  assert.deepEqual(answer.options, { refine: true, threshold: 0.5 });
});

test('plain base64 and several queries are answered in order', async () => {
  const queries = ['der Hund', '犬 🐕', '\u00a0x'];
  const image = png.toString('base64');
  const answer = answerOf(await segment({ image, queries, output: { format: 'png' } }).expect(200));
  assert.deepEqual(
    answer.results.map((result) => result.query),
    queries,
  );
  assert.deepEqual(answer.options.output, { format: 'png', instances: false, token_map: false });
});

test('queries of a form may be repeated or a JSON list', async () => {
  const form = gateway.client.post('/segment').field('image', dataUrl).field('queries', ' ["cat", "dog"]');
  const { results } = answerOf(await form.field('queries', 'cow').expect(200));
  assert.deepEqual(
    results.map(({ query }) => query),
    ['cat', 'dog', 'cow'],
  );
});

test('a form says the same as a JSON body', async () => {
  const response = await gateway.client
    .post('/segment')
    .attach('image', png, { filename: '../../etc/passwd', contentType: 'text/html' })
    .field('queries', 'one')
    .field('queries', 'two')
    .field('threshold', '0.25')
    .field('options', '{"refine": false, "output": {"instances": true}}')
    .expect(200);
  const answer = answerOf(response);
  assert.equal(answer.image, id);
  assert.deepEqual(answer.results, [{ query: 'one' }, { query: 'two' }]);
  assert.deepEqual(answer.options, {
    refine: false,
    output: { instances: true, format: 'rle', token_map: false },
    threshold: 0.25,
  });
});

test('a form may give its image as text, and its fields as JSON types', async () => {
  const response = await gateway.client
    .post('/segment')
    .field('image', dataUrl)
    .field('query', '42')
    .field('refine', 'false')
    .field('pruning', '{"mode": "csp"}')
    .expect(200);
  const answer = answerOf(response);
  assert.deepEqual(answer.results, [{ query: '42' }]);
  assert.deepEqual(answer.options, { refine: false, pruning: { mode: 'csp' }, threshold: 0.5 });
});

const prompts = [{ box: [1, 2.5, 10, 12] }, { points: [{ x: 3, y: 4, label: 1 }] }];

test('prompts reach the worker alone, and with one query', async () => {
  const alone = answerOf(await segment({ image: dataUrl, prompts }).expect(200));
  assert.deepEqual([alone.results, alone.prompts], [[], prompts]);
  const beside = [{ points: [{ x: 3, y: 4, label: 0 }] }];
  for (const question of [{ query: 'the dog' }, { queries: ['the dog'] }]) {
    const corrected = answerOf(await segment({ image: dataUrl, ...question, prompts: beside }).expect(200));
    assert.deepEqual([corrected.results, corrected.prompts], [[{ query: 'the dog' }], beside]);
  }
});

test('a form may give prompts as JSON', async () => {
  const response = await gateway.client
    .post('/segment')
    .attach('image', png, 'image.png')
    .field('prompts', JSON.stringify(prompts))
    .expect(200);
  assert.deepEqual(answerOf(response).prompts, prompts);
});

test('a job of prompts can be waited for elsewhere', async () => {
  const accepted = await segment({ image: dataUrl, prompts }).set('prefer', 'respond-async').expect(202);
  const job = await finished(accepted.headers.location);
  assert.deepEqual(answerOf({ body: job.result }).prompts, prompts);
});

test('prompts outside the image as a person sees it are refused before a job is queued', async () => {
  await stores.blobs.put(imageKey(id), png, { ttlMs: 60_000 });
  const other = await listen(queue, stores);
  const ask = (gatewayOfImage: TestGateway, image: string | object, x: number, y: number) =>
    gatewayOfImage.client
      .post('/segment')
      .set('prefer', 'respond-async')
      .send({ image, prompts: [{ box: [0, 0, 1, 1] }, { points: [{ x, y, label: 1 }] }] });
  const pointers = async (...request: Parameters<typeof ask>) =>
    problemOf(await ask(...request).expect(400)).errors?.map(({ pointer }) => pointer);
  try {
    const upright = png.toString('base64');
    const portrait = turned(png).toString('base64');
    await ask(gateway, upright, 39.9, 29.9).expect(202);
    assert.deepEqual(await pointers(gateway, upright, 40, 29), ['/prompts/1/points/0/x']);
    await ask(gateway, portrait, 29.9, 39.9).expect(202);
    assert.deepEqual(await pointers(gateway, portrait, 30, 40), ['/prompts/1/points/0/x', '/prompts/1/points/0/y']);
    for (const box of [
      [40, 0, 0.0005, 1],
      [0, 30, 1, 0.0005],
      [40, 30, 0.0005, 0.0005],
    ]) {
      const sent = gateway.client.post('/segment').send({ image: upright, prompts: [{ box }] });
      assert.deepEqual(
        problemOf(await sent.expect(400)).errors?.map(({ pointer }) => pointer),
        ['/prompts/0/box'],
      );
    }
    const edge = { image: upright, prompts: [{ box: [39.5, 29.5, 0.5005, 0.5005] }] };
    await gateway.client.post('/segment').set('prefer', 'respond-async').send(edge).expect(202);
    // A gateway that has not seen the image reads it.
    for (const each of [gateway, other]) {
      await ask(each, { id }, 39, 29).expect(202);
      assert.deepEqual(await pointers(each, { id }, 39, 30), ['/prompts/1/points/0/y']);
    }
  } finally {
    await other.app.close();
  }
});

test('an image that was sent before is found by its id', async () => {
  await segment({ image: dataUrl, query: 'the dog' }).expect(200);
  assert.equal(answerOf(await segment({ image: { id }, query: 'the cat' }).expect(200)).image, id);
});

test('an image that was never sent is not found', async () => {
  const response = await segment({ image: { id: `sha256:${'0'.repeat(64)}` }, query: 'x' }).expect(404);
  assert.equal(problemOf(response).code, 'TSR_IMAGE_NOT_FOUND');
});

test('respond-async answers 202 at once, and the job gives the result later', async () => {
  const accepted = await segment({ image: dataUrl, query: 'slow' }).set('prefer', 'respond-async').expect(202);
  assert.equal(accepted.headers['preference-applied'], 'respond-async');
  assert.equal(accepted.headers['retry-after'], '1');
  const { id: jobId, status, created_at: createdAt } = jobOf(accepted);
  assert.equal(accepted.headers.location, `/jobs/${jobId}`);
  assert.match(status, /^(queued|running)$/);
  assert.equal(new Date(createdAt).toISOString(), createdAt);

  const job = await finished(accepted.headers.location);
  assert.equal(job.status, 'succeeded');
  assert.deepEqual(answerOf({ body: job.result }).results, [{ query: 'slow' }]);
  assert.ok((job.started_at ?? '') < (job.finished_at ?? ''));
});

test('a wait that is too short ends in 202 and names the preference', async () => {
  const accepted = await segment({ image: dataUrl, query: 'slow' }).set('prefer', 'wait=1').expect(202);
  assert.equal(accepted.headers['preference-applied'], 'wait=1');
  assert.equal(jobOf(accepted).status, 'running');
  assert.equal((await finished(accepted.headers.location)).status, 'succeeded');
});

test('a job that fails is answered with its own error, a job asked for later shows it', async () => {
  const problem = problemOf(await segment({ image: dataUrl, query: 'error TSR_OPTION_UNSUPPORTED' }).expect(422));
  assert.equal(problem.code, 'TSR_OPTION_UNSUPPORTED');
  assert.equal(problem.detail, 'as asked');

  const accepted = await segment({ image: dataUrl, query: 'error TSR_IMAGE_CORRUPT' }).set('prefer', 'respond-async');
  const job = await finished(accepted.headers.location);
  assert.equal(job.status, 'failed');
  assert.equal(job.error?.code, 'TSR_IMAGE_CORRUPT');
  assert.equal(job.error.status, 422);
});

test('what crashes in a worker stays in its log', async () => {
  const response = await segment({ image: dataUrl, query: 'crash' }).expect(500);
  assert.equal(problemOf(response).code, 'TSR_INTERNAL');
  assert.doesNotMatch(response.text, /secret/);
});

test('an unknown model is refused with the names of the served ones', async () => {
  const problem = problemOf(await segment({ image: dataUrl, query: 'x', model: 'gpt' }).expect(404));
  assert.equal(problem.code, 'TSR_MODEL_NOT_FOUND');
  assert.match(problem.detail, /tessera-mini/);
  await segment({ image: dataUrl, query: 'x', model: 'tessera-mini' }).expect(200);
});

test('a job that cannot start before its deadline is answered 504', async () => {
  const idle = await stores.openQueue('idle');
  const other = await listen(idle, stores);
  try {
    const response = await other.client
      .post('/segment')
      .set('x-deadline-ms', '50')
      .set('x-priority', 'low')
      .send({ image: dataUrl, query: 'x' })
      .expect(504);
    assert.equal(problemOf(response).code, 'TSR_JOB_EXPIRED');
  } finally {
    await other.app.close();
  }
});

test('a waiting job can be cancelled, and a finished one stays as it is', async () => {
  const idle = await stores.openQueue('cancel');
  const other = await listen(idle, stores);
  try {
    const accepted = await other.client
      .post('/segment')
      .set('prefer', 'respond-async')
      .send({ image: dataUrl, query: 'x' });
    assert.equal(jobOf(accepted).status, 'queued');
    const cancelled = await other.client.delete(`/jobs/${jobOf(accepted).id}`).expect(200);
    assert.equal(jobOf(cancelled).status, 'cancelled');
    assert.equal(jobOf(cancelled).error?.code, 'TSR_JOB_CANCELLED');
    assert.equal(jobOf(await other.client.delete(`/jobs/${jobOf(accepted).id}`).expect(200)).status, 'cancelled');
  } finally {
    await other.app.close();
  }
});

test('a full queue answers 429 at once', async () => {
  const full = await stores.openQueue('full', 1);
  await full.add({ kind: 'canary' }, { id: 'first', priority: 'normal' });
  const other = await listen(full, stores);
  try {
    const startedAt = performance.now();
    const response = await other.client.post('/segment').send({ image: dataUrl, query: 'x' }).expect(429);
    assert.equal(problemOf(response).code, 'TSR_QUEUE_FULL');
    assert.equal(response.headers['retry-after'], '2');
    assert.ok(performance.now() - startedAt < 2_000);
  } finally {
    await other.app.close();
  }
});

test('a client that goes away while it waits cancels its job', async () => {
  const watched = await stores.openQueue('abandoned');
  const seen: { aborted: boolean }[] = [];
  watched.process(
    async ({ data, signal }) => {
      if (data.kind === 'canary') return 'none';
      const entry = { aborted: false };
      seen.push(entry);
      await delay(10_000, undefined, { signal }).catch(() => {
        entry.aborted = true;
      });
      return 'none';
    },
    { concurrency: 2 },
  );
  const other = await listen(watched, stores);
  try {
    const outgoing = httpRequest({
      port: other.port,
      path: '/segment',
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    });
    outgoing.on('error', () => undefined);
    outgoing.end(JSON.stringify({ image: dataUrl, query: 'x' }));
    await until(() => seen.length === 1);
    outgoing.destroy();
    await until(() => seen[0]?.aborted === true);
    const metrics = await other.client.get('/metrics').expect(200);
    assert.match(metrics.text, /tessera_http_waits_total\{outcome="abandoned"\} 1/);
  } finally {
    await other.app.close();
  }
});

test('many requests may wait at the same time without a warning about a leak', async () => {
  const warnings: Error[] = [];
  const collect = (warning: Error) => warnings.push(warning);
  process.on('warning', collect);
  const idle = await stores.openQueue('waiting');
  const other = await listen(idle, stores, { TESSERA_DRAIN_S: '1' });
  const pending = Array.from({ length: 12 }, async () =>
    other.client.post('/segment').send({ image: dataUrl, query: 'x' }).expect(202),
  );
  await until(async () => (await other.client.get('/metrics')).text.includes('tessera_http_waiting_requests 12'));
  await Promise.all([...pending, other.app.close()]);
  process.off('warning', collect);
  assert.deepEqual(
    warnings.map(({ name }) => name),
    [],
  );
});

test('closing turns waiting requests into 202 once the drain time is over, and closes their connections', async () => {
  const idle = await stores.openQueue('drain');
  const other = await listen(idle, stores, { TESSERA_DRAIN_S: '1' });
  // Unlike supertest, fetch keeps its connections open for the next request.
  const pending = fetch(`http://127.0.0.1:${other.port}/segment`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ image: dataUrl, query: 'x' }),
  });
  await until(async () => (await other.client.get('/metrics')).text.includes('tessera_http_waiting_requests 1'));
  const startedAt = performance.now();
  const [response] = await Promise.all([pending, other.app.close()]);
  assert.equal(response.status, 202);
  assert.ok(performance.now() - startedAt < 4_000);
  assert.equal((await idle.get(jobOf({ body: await response.json() }).id))?.status, 'queued');
});

async function finished(location: string | undefined): Promise<JobResponse> {
  let job: JobResponse | undefined;
  await until(async () => {
    job = jobOf(await gateway.client.get(location ?? '').expect(200));
    return job.status !== 'queued' && job.status !== 'running';
  });
  assert.ok(job);
  return job;
}
