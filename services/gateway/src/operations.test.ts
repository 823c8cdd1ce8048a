import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ModelsResponse, ReadyzResponse } from '@tessera/contracts';
import type { JobQueue } from '@tessera/queue';
import type { Static } from 'typebox';
import { committedText, generatedFiles } from './reference/generated-files.js';
import { answerJobs, listen, problemOf, reportWorker, TestStores, type TestGateway } from './testing/test-gateway.js';

let stores: TestStores;
let queue: JobQueue;
let gateway: TestGateway;

before(async () => {
  stores = await TestStores.open();
  queue = await stores.openQueue('operations');
  gateway = await listen(queue, stores);
});

after(async () => {
  await gateway.app.close();
  await stores.close();
});

test('readiness says what is missing, in the order in which it gets there', async () => {
  const noWorker = await gateway.client.get('/readyz').expect(503);
  assert.equal(problemOf(noWorker).code, 'TSR_NOT_READY');
  assert.match(problemOf(noWorker).detail, /No worker/);
  assert.equal(noWorker.headers['retry-after'], '5');

  const reporting = await TestStores.open();
  try {
    await reportWorker(reporting.blobs, 'worker-1', 'tessera-mini');
    const idle = await listen(queue, reporting);
    const startedAt = performance.now();
    const noCanary = await idle.client.get('/readyz').expect(503);
    assert.match(problemOf(noCanary).detail, /No job has gone through/);
    assert.ok(performance.now() - startedAt < 2_000);

    answerJobs(queue, stores.blobs);
    let ready = await idle.client.get('/readyz');
    for (let attempt = 0; ready.status !== 200 && attempt < 5; attempt++) ready = await idle.client.get('/readyz');
    const { status, workers, last_canary_at: last } = ready.body as Static<typeof ReadyzResponse>;
    assert.equal(status, 'ready');
    assert.deepEqual(workers, [
      { id: 'worker-1', execution_provider: 'cpu', devices: [{ id: 0, ready: true }], models: ['tessera-mini'] },
    ]);
    assert.ok(Date.now() - Date.parse(last) < 60_000);
    await idle.app.close();
  } finally {
    await reporting.close();
  }
});

test('the models are the union of what the workers report', async () => {
  const reporting = await TestStores.open();
  try {
    await reportWorker(reporting.blobs, 'worker-1', 'b');
    await reportWorker(reporting.blobs, 'worker-2', 'a');
    await reportWorker(reporting.blobs, 'worker-3', 'b');
    // Reports of other versions, and what is no report at all.
    for (const [name, text] of Object.entries({ garbage: '{"id": 1}', broken: '{"id":', empty: '', list: '[]' })) {
      await reporting.blobs.put(`workers/${name}`, Buffer.from(text), { ttlMs: 60_000 });
    }
    const other = await listen(queue, reporting);
    const { models } = (await other.client.get('/models').expect(200)).body as Static<typeof ModelsResponse>;
    assert.deepEqual(
      models.map((model) => model.name),
      ['a', 'b'],
    );
    await other.app.close();
  } finally {
    await reporting.close();
  }
});

test('metrics measure requests by route pattern, jobs and workers', async () => {
  await gateway.client.get('/jobs/nothing').expect(404);
  await gateway.client.get('/random-path-1').expect(404);
  const { text, headers } = await gateway.client.get('/metrics').expect(200);
  assert.match(headers['content-type'] ?? '', /^text\/plain/);
  assert.match(text, /tessera_http_request_duration_seconds_count\{method="GET",route="\/jobs\/:id",status="404"\} 1/);
  assert.match(text, /route="unmatched",status="404"\} 1/);
  assert.match(text, /tessera_queue_jobs\{state="queued"\} \d/);
  assert.match(text, /tessera_queue_waiting_jobs\{queue="requests",priority="high"\} \d/);
  assert.match(text, /tessera_queue_oldest_seconds\{queue="trainings",priority="low"\} 0/);
  assert.match(text, /tessera_webhooks\{state="queued"\} 0/);
  assert.match(text, /tessera_workers 0/);
  assert.match(text, /nodejs_eventloop_lag_seconds/);
  assert.doesNotMatch(text, /random-path/);
});

test('API keys guard everything but health and documentation', async () => {
  const guarded = await listen(queue, stores, { API_KEYS: 'first-secret,second-secret' });
  try {
    for (const path of ['/models', '/metrics', '/jobs/x']) {
      const refused = await guarded.client.get(path).expect(401);
      assert.equal(problemOf(refused).code, 'TSR_UNAUTHORIZED');
      assert.equal(refused.headers['www-authenticate'], 'Bearer');
      for (const header of ['Bearer wrong-secret', 'first-secret', 'Basic first-secret', 'Bearer ', 'Bearer first']) {
        await guarded.client.get(path).set('authorization', header).expect(401);
      }
    }
    await guarded.client.post('/images').send({}).expect(401);
    await guarded.client.post('/segment').send({}).expect(401);
    await guarded.client.post('/classify-composition').send({}).expect(401);
    await guarded.client.delete('/jobs/x').expect(401);
    await guarded.client.get('/models').set('authorization', 'Bearer second-secret').expect(200);
    await guarded.client.get('/jobs/x').set('authorization', 'bearer first-secret').expect(404);
    for (const path of ['/livez', '/docs/', '/openapi.json']) await guarded.client.get(path).expect(200);
    await guarded.client.get('/readyz').expect(503);
  } finally {
    await guarded.app.close();
  }
});

test('the playground is at /, may load nothing from elsewhere, and its assets stay in caches', async () => {
  const page = await gateway.client.get('/').expect(200).expect('cache-control', 'no-cache');
  assert.match(
    page.headers['content-security-policy'] ?? '',
    /^default-src 'none'; script-src 'self';.*frame-ancestors 'none'$/,
  );
  const [, script = ''] = /src="[.](\/assets\/[^"]+)"/.exec(page.text) ?? [];
  await gateway.client
    .get(script)
    .expect(200)
    .expect('cache-control', /immutable/);
  await gateway.client.post('/').expect(405).expect('allow', /GET/);
  await gateway.client.get('/assets/../../package.json').expect(404);
  const beyond = await gateway.client.get(script).set('range', 'bytes=99999999-').expect(416);
  assert.equal(problemOf(beyond).code, 'TSR_RANGE_NOT_SATISFIABLE');
  assert.match(beyond.headers['content-range'] ?? '', /^bytes \*\/\d+$/);
});

test('the documentation page is local and may run', async () => {
  const page = await gateway.client.get('/docs/').redirects(1).expect(200);
  assert.doesNotMatch(page.text, /(src|href)="https?:/);
  const scripts = [...page.text.matchAll(/src="([^"]+)"/g)].map((match) => match[1] ?? '');
  assert.ok(scripts.length > 0);
  for (const script of scripts) {
    const response = await gateway.client.get(new URL(script, 'http://x/docs/').pathname).expect(200);
    const policy = response.headers['content-security-policy'] ?? '';
    assert.match(policy, /script-src 'self'/);
    assert.doesNotMatch(policy, /upgrade-insecure-requests/);
  }
});

for (const path of [
  ...['nope.js', '..%2fx', '..%2f..%2f..%2fpackage.json', '..%5cx', '.env', '%2e%2e%2fx', '%00', 'a/b/c.js'].map(
    (name) => `/docs/static/${name}`,
  ),
  '/docs/static',
  '/docs/nope',
  ...['nope.js', '..%2findex.html', '..%5cindex.html', '.env'].map((name) => `/assets/${name}`),
  '/assets',
  '/nope.html',
  '/.env',
]) {
  test(`${path} is no file, and answered at once`, async () => {
    const status = path.endsWith('%00') ? 400 : 404;
    const code = status === 400 ? 'TSR_VALIDATION' : 'TSR_ROUTE_NOT_FOUND';
    const missing = await gateway.client.get(path).timeout(5_000).expect(status);
    assert.match(missing.headers['content-type'] ?? '', /^application\/problem\+json/);
    assert.deepEqual([problemOf(missing).code, problemOf(missing).status], [code, status]);
    assert.equal(missing.headers['x-request-id'], problemOf(missing).request_id);
    await gateway.client.head(path).timeout(5_000).expect(status);
  });
}

test('the generated files are up to date: run `npm run docs`', async () => {
  const { body } = await gateway.client.get('/openapi.json').expect(200);
  for (const file of generatedFiles(body)) assert.equal(await committedText(file), file.text, file.path);
});

test('every body that the document announces has a schema', async () => {
  const { body } = await gateway.client.get('/openapi.json').expect(200);
  const { paths } = body as {
    paths: Record<string, Record<string, { responses: Record<string, DocumentedResponse> }>>;
  };
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, { responses }] of Object.entries(methods)) {
      for (const [status, { content = {} }] of Object.entries(responses)) {
        for (const { schema } of Object.values(content)) {
          const words = Object.keys(schema).filter((word) => word !== 'description');
          assert.ok(words.length > 0, `${method} ${path} ${status}`);
        }
      }
    }
  }
});

interface DocumentedResponse {
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}

test('compositional classification refuses what does not fit, with pointers', async () => {
  const valid = { image: 'x', vocabulary: { attributes: ['red'], objects: ['ball'] } };
  const invalid: [body: object, pointers: string[]][] = [
    [{ vocabulary: 'apparel' }, ['/image', '/images']],
    [{ ...valid, images: ['x'] }, ['/image', '/images']],
    [{ image: 'x' }, ['/vocabulary']],
    [{ ...valid, vocabulary: { attributes: [], objects: ['ball'] } }, ['/vocabulary/attributes']],
    [{ ...valid, top_k: 0 }, ['/top_k']],
    [{ ...valid, pairs: [['red']] }, ['/pairs/0']],
  ];
  for (const [body, pointers] of invalid) {
    const response = await gateway.client.post('/classify-composition').send(body).expect(400);
    assert.deepEqual(
      problemOf(response).errors?.map((error) => error.pointer),
      pointers,
    );
  }
});
