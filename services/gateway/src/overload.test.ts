import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { JobQueue } from '@tessera/queue';
import { answerJobs, listen, problemOf, TestStores, until, type TestGateway } from './testing/test-gateway.js';
import { noisePng } from './testing/test-images.js';

const image = noisePng(8, 8).toString('base64');
const work = [
  '/segment',
  '/images',
  '/classify-composition',
  '/vocabularies',
  '/label-studio/predict',
  '/v2/models/m/infer',
];
const reads = ['/livez', '/metrics', '/models', '/vocabularies', '/label-studio/health', '/openapi.json', '/docs/'];

let stores: TestStores;
let queue: JobQueue;

before(async () => {
  stores = await TestStores.open();
  queue = await stores.openQueue('overload');
  answerJobs(queue, stores.blobs);
});

after(() => stores.close());

const statusOfWork = async ({ client }: TestGateway) =>
  (await client.post('/segment').send({ image, query: 'the sign' })).status;

test('an event loop that is late takes in no work, and answers what only reads, until it keeps up again', async () => {
  // A machine that runs other tests is late by itself at times.
  const gateway = await listen(queue, stores, { TESSERA_MAX_EVENT_LOOP_DELAY_MS: '50' });
  await until(async () => (await statusOfWork(gateway)) === 200);

  const busy = setInterval(() => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150);
  });
  try {
    await until(async () => (await statusOfWork(gateway)) === 503);
    for (const path of work) {
      const response = await gateway.client.post(path).send({}).expect(503);
      assert.match(response.headers['content-type'] ?? '', /^application\/problem\+json/);
      assert.equal(response.headers['retry-after'], '5');
      assert.equal(problemOf(response).code, 'TSR_OVERLOADED', path);
    }
    for (const path of reads) await gateway.client.get(path).expect(200);
  } finally {
    clearInterval(busy);
  }

  await until(async () => (await statusOfWork(gateway)) === 200);
  await gateway.app.close();
});

test('a process with more memory than it may have takes in no work', async () => {
  const gateway = await listen(queue, stores, { TESSERA_MAX_MEMORY_MB: '1' });
  await until(async () => (await statusOfWork(gateway)) === 503);
  await gateway.client.get('/models').expect(200);
  await gateway.app.close();
});
