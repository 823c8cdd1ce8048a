import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { resultKey } from '@tessera/blob-store';
import { errorTable, TesseraError, type ErrorCode, type PredictResponse, type SegmentJob } from '@tessera/contracts';
import { createMask, encodeRle } from '@tessera/masks';
import type { JobQueue } from '@tessera/queue';
import { listen, problemOf, reportWorker, TestStores, until, type TestGateway } from './testing/test-gateway.js';
import { noisePng } from './testing/test-images.js';

const [width, height] = [40, 30];
const png = noisePng(width, height);
const image = `data:image/png;base64,${png.toString('base64')}`;
const token = 'studio-token';
const key = 'a-secret-key';

const configOf = (controls: string) => `<View><Image name="image" value="$photo"/>${controls}</View>`;
const brushes = '<BrushLabels name="brush" toName="image"><Label value="Dog"/><Label value="Cat"/></BrushLabels>';
const smart = '<KeyPointLabels name="point" toName="image" smart="true"><Label value="Dog"/></KeyPointLabels>';

let stores: TestStores;
let queue: JobQueue;
let gateway: TestGateway;
let guarded: TestGateway;
let studio: Server;
let studioRequests: (string | undefined)[] = [];
/** Jobs that the worker got. */
let jobs: SegmentJob[] = [];

before(async () => {
  stores = await TestStores.open();
  queue = await stores.openQueue('studio');
  queue.process(
    async ({ id, data, signal }) => {
      assert.equal(data.kind, 'segment');
      jobs.push(data);
      if (data.queries.includes('slow')) await delay(5_000, undefined, { signal });
      const code = data.queries[0]?.replace('error ', '') ?? '';
      if (Object.hasOwn(errorTable, code)) throw new TesseraError(code as ErrorCode, 'as asked');
      await stores.blobs.put(resultKey(id), Buffer.from(JSON.stringify(answerOf(id, data))), { ttlMs: 60_000 });
      return resultKey(id);
    },
    { concurrency: 8 },
  );
  studio = createServer((request, response) => {
    studioRequests.push(request.headers.authorization);
    if (request.url === '/data/upload/1/photo.png') response.end(png);
    else if (request.url === '/data/upload/1/moved.png') response.writeHead(302, { location: 'photo.png' }).end();
    else if (request.url === '/data/upload/1/users.png') response.writeHead(302, { location: '/api/users' }).end();
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => studio.listen(0, '127.0.0.1', resolve));
  const { port } = studio.address() as AddressInfo;
  gateway = await listen(queue, stores, {
    LABEL_STUDIO_URL: `http://127.0.0.1:${port}`,
    LABEL_STUDIO_API_KEY: token,
    LABEL_STUDIO_MAX_TASKS: '5',
  });
  guarded = await listen(queue, stores, { API_KEYS: key });
  await reportWorker(stores.blobs, 'w', 'tessera-mini');
});

after(async () => {
  await Promise.all([gateway.app.close(), guarded.app.close()]);
  await new Promise((resolve) => studio.close(resolve));
  await stores.close();
});

beforeEach(() => {
  jobs = [];
  studioRequests = [];
});

/** A worker's answer: two objects for every query but `Cat`, and one mask for prompts. */
function answerOf(id: string, { imageId, queries, prompts = [] }: SegmentJob) {
  const mask = createMask(height, width);
  mask.data.fill(1, 10 * width, 20 * width);
  const rle = encodeRle(mask);
  const object = { mask: rle, bbox: [0, 10, width, 10], area: 10 * width };
  const found = (query: string) => ({
    ...object,
    query,
    present: query !== 'Cat',
    score: 0.7,
    instances:
      query === 'Cat'
        ? []
        : [
            { ...object, score: 0.9 },
            { ...object, score: 0.5 },
          ],
    warnings: [],
  });
  const results =
    queries.length > 0
      ? queries.map(found)
      : prompts.map((_, prompt) => ({ ...object, prompt, present: true, score: 0.6, mask_score: 0.8, warnings: [] }));
  return { id, model: 'tessera-mini@1', image: { id: imageId, width, height }, results, timings_ms: {} };
}

/** A request as Label Studio makes it, with fields that nobody reads. */
function predict(labelConfig: string, photos: unknown[] = [image], context?: object) {
  return gateway.client.post('/label-studio/predict').send({
    tasks: photos.map((photo, index) => ({
      id: index + 1,
      data: { photo, title: 'a photo', numbers: [1, [2]] },
      annotations: [{ result: [{ value: { rle: [1, 2, 3] } }] }],
      predictions: [],
    })),
    model_version: 'tessera-mini@1',
    project: '1.1700000000',
    label_config: labelConfig,
    params: { login: null, password: null, ...(context === undefined ? {} : { context }) },
  });
}

const bodyOf = ({ body }: { readonly body: unknown }) => body as PredictResponse;

/** Boxes or points by which an annotator asks. */
const drawn = (...regions: object[]) => ({ result: regions });
const click = {
  type: 'keypointlabels',
  is_positive: true,
  value: { x: 50, y: 50, width: 0.3, keypointlabels: ['Dog'] },
};
const typed = (text: string) => ({ type: 'textarea', from_name: 'prompt', value: { text: [text] } });

describe('predictions for Label Studio', () => {
  test('the backend answers that it is there, at all of its addresses', async () => {
    for (const path of ['/label-studio/health', '/label-studio/', '/label-studio']) {
      const { body } = await gateway.client.get(path).expect(200);
      assert.deepEqual(body, { status: 'UP', model_class: 'Tessera', model_version: 'tessera-mini@1' });
    }
  });

  test('a project is set up with a configuration that can be answered, or with an empty one', async () => {
    const setup = (schema?: string) =>
      gateway.client
        .post('/label-studio/setup')
        .send({ project: '1.1', schema, hostname: 'http://127.0.0.1', access_token: 'x', extra_params: null });
    for (const schema of [configOf(brushes), '<View></View>', '', undefined]) {
      const { body } = await setup(schema).expect(200);
      assert.deepEqual(body, { model_version: 'tessera-mini@1' });
    }
    const problem = problemOf(await setup('<View><Text name="t" value="$t"/></View>').expect(400));
    assert.deepEqual(problem.errors?.[0]?.pointer, '/schema');
    assert.match(problem.detail, /BrushLabels, PolygonLabels or RectangleLabels/);
  });

  test('labels are asked for by their names, and every object is a region', async () => {
    const { results, model_version: version } = bodyOf(await predict(configOf(brushes)).expect(200));
    assert.equal(version, 'tessera-mini@1');
    assert.deepEqual(
      jobs.map(({ queries, prompts, options }) => ({ queries, prompts, options })),
      [
        {
          queries: ['Dog', 'Cat'],
          prompts: undefined,
          options: { output: { format: 'rle', instances: true }, refine: true, threshold: 0.5 },
        },
      ],
    );
    const [{ result, score, model_version: ofTask } = assert.fail()] = results;
    assert.deepEqual([result.length, score, ofTask], [2, 0.7, 'tessera-mini@1']);
    for (const region of result) {
      assert.ok(region.type === 'brushlabels');
      assert.deepEqual(region.value.brushlabels, ['Dog']);
      assert.deepEqual([region.from_name, region.to_name], ['brush', 'image']);
      assert.deepEqual([region.original_width, region.original_height], [width, height]);
    }
    assert.deepEqual(
      result.map((region) => region.score),
      [0.9, 0.5],
    );
    assert.equal(new Set(result.map(({ id }) => id)).size, 2);
  });

  test('a label is answered with the first kind of control that has it; smart tools are for prompts', async () => {
    const labels = (...names: string[]) => names.map((name) => `<Label value="${name}"/>`).join('');
    const { results } = bodyOf(
      await predict(
        configOf(
          `<RectangleLabels name="box" toName="image">${labels('Dog', 'Bird')}</RectangleLabels>
           <PolygonLabels name="outline" toName="image">${labels('Dog')}</PolygonLabels>
           <BrushLabels name="tool" toName="image" smart="true">${labels('Dog')}</BrushLabels>`,
        ),
      ).expect(200),
    );
    assert.deepEqual(
      results[0]?.result.map(({ type, from_name: name }) => [type, name]),
      [
        ['polygonlabels', 'outline'],
        ['polygonlabels', 'outline'],
        ['rectanglelabels', 'box'],
        ['rectanglelabels', 'box'],
      ],
    );
  });

  test('predicted_values are asked for in place of the name', async () => {
    const labels = '<Label value="Fahrzeug" predicted_values="car, truck"/>';
    const { results } = bodyOf(await predict(configOf(`<BrushLabels name="b" toName="image">${labels}</BrushLabels>`)));
    assert.deepEqual(jobs[0]?.queries, ['car', 'truck']);
    assert.equal(results[0]?.result.length, 4);
  });

  test('many labels are several jobs', async () => {
    const labels = Array.from({ length: 20 }, (_, index) => `<Label value="thing ${index}"/>`).join('');
    await predict(configOf(`<BrushLabels name="b" toName="image">${labels}</BrushLabels>`)).expect(200);
    assert.deepEqual(
      jobs.map(({ queries }) => queries.length),
      [16, 4],
    );
    const more = Array.from({ length: 129 }, (_, index) => `<Label value="thing ${index}"/>`).join('');
    const problem = problemOf(await predict(configOf(`<BrushLabels name="b" toName="image">${more}</BrushLabels>`)));
    assert.match(problem.detail, /129 labels.*at most 128/);
  });

  test('a click is a prompt, and its answer has its label', async () => {
    const { results } = bodyOf(await predict(configOf(brushes + smart), [image], drawn(click)).expect(200));
    assert.deepEqual(jobs[0]?.queries, []);
    assert.deepEqual(jobs[0].prompts, [{ points: [{ x: 20, y: 15, label: 1 }] }]);
    const [region, ...others] = results[0]?.result ?? [];
    assert.ok(region?.type === 'brushlabels' && others.length === 0);
    assert.deepEqual([region.from_name, region.value.brushlabels, region.score], ['brush', ['Dog'], 0.8]);
  });

  test('a text is a query, for the label that it names, and a drawing corrects it', async () => {
    const config = configOf(`${brushes}${smart}<TextArea name="prompt" toName="image"/>`);
    const labelsOf = ({ results }: PredictResponse) =>
      results[0]?.result.map((region) => (region.type === 'brushlabels' ? region.value.brushlabels[0] : undefined));
    assert.deepEqual(labelsOf(bodyOf(await predict(config, [image], drawn(typed('the brown one'))))), ['Dog', 'Dog']);
    assert.deepEqual(labelsOf(bodyOf(await predict(config, [image], drawn(typed('cat'))))), ['Cat', 'Cat']);
    assert.deepEqual(labelsOf(bodyOf(await predict(config, [image], drawn(typed('cat'), click)))), ['Dog']);
    assert.deepEqual(
      jobs.map(({ queries, prompts = [] }) => [queries, prompts.length]),
      [
        [['the brown one'], 0],
        [['cat'], 0],
        [['cat'], 1],
      ],
    );
  });

  test('nothing drawn in a context is nothing asked', async () => {
    for (const context of [drawn(), drawn({ ...click, is_positive: false })]) {
      const { results } = bodyOf(await predict(configOf(brushes), [image], context).expect(200));
      assert.deepEqual([results[0]?.result, jobs], [[], []]);
    }
    await predict(configOf(brushes), [image], {}).expect(200);
    assert.equal(jobs.length, 1);
  });

  test('files of Label Studio are fetched with its token', async () => {
    const { results } = bodyOf(await predict(configOf(brushes), ['/data/upload/1/photo.png']).expect(200));
    assert.equal(results[0]?.result.length, 2);
    assert.deepEqual(studioRequests, [`Token ${token}`]);
  });

  test('the token follows redirects of files to other files alone', async () => {
    await predict(configOf(brushes), ['/data/upload/1/moved.png']).expect(200);
    assert.deepEqual(studioRequests.splice(0), [`Token ${token}`, `Token ${token}`]);
    const away = problemOf(await predict(configOf(brushes), ['/data/upload/1/users.png']).expect(403));
    assert.deepEqual([away.code, studioRequests.splice(0)], ['TSR_IMAGE_URL_FORBIDDEN', [`Token ${token}`]]);
    const path = problemOf(await predict(configOf(brushes), ['/data/upload/..%2f..%2fapi']).expect(400));
    assert.deepEqual([path.code, studioRequests], ['TSR_IMAGE_SOURCE_INVALID', []]);
  });

  test('a task whose image cannot be used does not spoil the others', async () => {
    const photos = [image, '/data/upload/1/missing.png', 'https://127.0.0.1/a.png', 7, 's3://bucket/a.png'];
    const { results } = bodyOf(await predict(configOf(brushes), photos).expect(200));
    assert.deepEqual(
      results.map(({ result, error }) => [result.length, error?.split(':')[0]]),
      [
        [2, undefined],
        [0, 'TSR_IMAGE_FETCH_FAILED'],
        [0, 'TSR_IMAGE_URL_FORBIDDEN'],
        [0, 'TSR_VALIDATION'],
        [0, 'TSR_IMAGE_SOURCE_INVALID'],
      ],
    );
    assert.ok(results.every((result) => result.model_version === 'tessera-mini@1'));
    const problem = problemOf(await predict(configOf(brushes), ['https://127.0.0.1/a.png']).expect(403));
    assert.deepEqual(problem.errors?.[0]?.pointer, '/tasks/0/data/photo');
  });

  test('no task is no prediction', async () => {
    const { results } = bodyOf(await predict(configOf(brushes), []).expect(200));
    assert.deepEqual(results, []);
  });
});

describe('requests that are refused', () => {
  const post = (body: unknown, path = 'predict') =>
    gateway.client.post(`/label-studio/${path}`).type('json').send(JSON.stringify(body));

  const cases: [name: string, body: unknown, pointer: string][] = [
    ['no tasks', { label_config: configOf(brushes) }, '/tasks'],
    ['no configuration', { tasks: [] }, '/label_config'],
    ['a number for a task', { tasks: [7], label_config: configOf(brushes) }, '/tasks/0'],
    ['a task without data', { tasks: [{}], label_config: configOf(brushes) }, '/tasks/0/data'],
    ['a list', [], ''],
    ['null', null, ''],
    [
      'a region without value',
      { tasks: [], label_config: '<View/>', params: { context: drawn({}) } },
      '/params/context/result/0/value',
    ],
    ['no controls', { tasks: [], label_config: '<View/>' }, '/label_config'],
    ['broken XML', { tasks: [], label_config: '<View>' }, '/label_config'],
    ['entities', { tasks: [], label_config: '<!DOCTYPE a [<!ENTITY b "c">]><View>&b;</View>' }, '/label_config'],
    ['more tasks than are looked at', { tasks: Array(10_001).fill(0), label_config: '<View/>' }, '/tasks'],
    ['six tasks', { tasks: Array(6).fill({ data: {} }), label_config: configOf(brushes) }, '/tasks'],
  ];
  for (const [name, body, pointer] of cases) {
    test(`${name}: the answer says where`, async () => {
      const problem = problemOf(await post(body).expect(400));
      assert.deepEqual([problem.code, problem.errors?.[0]?.pointer], ['TSR_VALIDATION', pointer], problem.detail);
    });
  }

  test('what is nested and not read is no harm', async () => {
    const nested = `${'['.repeat(90)}${']'.repeat(90)}`;
    const config = JSON.stringify(configOf(brushes));
    const body = `{"tasks": [{"data": {"photo": "${image}", "x": ${nested}}, "annotations": ${nested}}], "label_config": ${config}, "y": ${nested}}`;
    await gateway.client.post('/label-studio/predict').type('json').send(body).expect(200);
  });

  test('errors of the service are those of the whole request', async () => {
    for (const [query, status] of [
      ['error TSR_QUEUE_FULL', 429],
      ['error TSR_RUN_INVALID', 500],
    ] as const) {
      const config = configOf(`<BrushLabels name="b" toName="image"><Label value="${query}"/></BrushLabels>`);
      await predict(config, [image, image]).expect(status);
    }
  });

  test('jobs of a client that has gone are cancelled', async () => {
    const config = configOf('<BrushLabels name="b" toName="image"><Label value="slow"/></BrushLabels>');
    const sent = fetch(`http://127.0.0.1:${gateway.port}/label-studio/predict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ tasks: [{ data: { photo: image } }], label_config: config }),
      signal: AbortSignal.timeout(1_000),
    });
    await assert.rejects(sent);
    await until(async () => (await queue.counts()).running === 0);
    assert.equal(jobs.length, 1);
  });

  test('a key is needed where there are any, as a bearer or as a password', async () => {
    const basic = (password: string) => `Basic ${Buffer.from(`anyone:${password}`).toString('base64')}`;
    for (const header of [undefined, basic('wrong-secret'), basic(''), `Basic ${key}`, 'Basic', 'Bearer wrong']) {
      const request = guarded.client.get('/label-studio/health');
      if (header !== undefined) void request.set('authorization', header);
      const refused = await request.expect(401);
      assert.match(refused.headers['www-authenticate'] ?? '', /Basic/);
    }
    for (const header of [basic(key), `Bearer ${key}`]) {
      await guarded.client.get('/label-studio/health').set('authorization', header).expect(200);
      await guarded.client.post('/label-studio/setup').set('authorization', header).send({}).expect(200);
    }
    await guarded.client.post('/label-studio/predict').send({}).expect(401);
    const other = await guarded.client.get('/models').set('authorization', basic(key)).expect(401);
    assert.equal(other.headers['www-authenticate'], 'Bearer', 'other routes take a bearer alone');
  });
});
