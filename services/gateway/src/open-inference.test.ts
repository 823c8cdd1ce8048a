import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { imageKey, resultKey } from '@tessera/blob-store';
import {
  errorTable,
  TesseraError,
  type ErrorCode,
  type InferenceProblem,
  type InferenceResponse,
  type JobData,
  type ModelMetadata,
} from '@tessera/contracts';
import { createMask, encodeRle } from '@tessera/masks';
import type { JobQueue } from '@tessera/queue';
import type { Response } from 'supertest';
import { listen, reportWorker, TestStores, until, type TestGateway } from './testing/test-gateway.js';
import { noisePng } from './testing/test-images.js';

const [width, height] = [40, 30];
const png = noisePng(width, height);
const imageText = `data:image/png;base64,${png.toString('base64')}`;
const key = 'a-secret-key';

let stores: TestStores;
let queue: JobQueue;
let gateway: TestGateway;
let guarded: TestGateway;
let jobs: JobData[] = [];
let cancelled = 0;

before(async () => {
  stores = await TestStores.open();
  queue = await stores.openQueue('inference');
  queue.process(
    async ({ id, data, signal }) => {
      if (data.kind !== 'canary') jobs.push(data);
      const [query = ''] = data.kind === 'segment' ? data.queries : [];
      if (query === 'slow') {
        signal.addEventListener('abort', () => cancelled++);
        await delay(5_000, undefined, { signal });
      }
      const code = query.replace('error ', '');
      if (Object.hasOwn(errorTable, code)) throw new TesseraError(code as ErrorCode, 'as asked');
      await stores.blobs.put(resultKey(id), Buffer.from(JSON.stringify(answerOf(id, data))), { ttlMs: 60_000 });
      return resultKey(id);
    },
    { concurrency: 8 },
  );
  await reportWorker(stores.blobs, 'segments', 'tessera-mini');
  await reportWorker(stores.blobs, 'classifies', 'tessera-dual', 'composition');
  gateway = await listen(queue, stores, { TESSERA_MAX_BODY_MB: '1' });
  guarded = await listen(queue, stores, { API_KEYS: key, TESSERA_RATE_LIMIT_PER_MIN: '5' });
});

after(async () => {
  await Promise.all([gateway.app.close(), guarded.app.close()]);
  await stores.close();
});

beforeEach(() => {
  jobs = [];
  cancelled = 0;
});

const upperHalf = createMask(height, width);
upperHalf.data.fill(1, 0, (height / 2) * width);

/** A worker's answer: the upper half for every query but `nothing`; two pairs for every image. */
function answerOf(id: string, data: JobData): object {
  if (data.kind === 'canary') return {};
  if (data.kind === 'segment') {
    const results = data.queries.map((query) => ({
      query,
      present: query !== 'nothing',
      score: query === 'nothing' ? 0.25 : 0.75,
      ...(query !== 'nothing' && { label: 'sky' }),
      mask: encodeRle(query === 'nothing' ? createMask(height, width) : upperHalf),
      bbox: query === 'nothing' ? [0, 0, 0, 0] : [0, 0, width, height / 2],
      area: query === 'nothing' ? 0 : 600,
      warnings: query === 'nothing' ? [{ code: 'unknown_thing', words: ['nothing'] }] : [],
    }));
    return { id, model: 'tessera-mini@1', image: { id: data.imageId, width, height }, results, timings_ms: {} };
  }
  const results = data.imageIds.map((_, index) => ({
    index,
    predictions: [
      { label: 'red dress', attributes: ['red'], object: 'dress', score: 0.75, logit: 3, seen: true, sources: {} },
      { label: 'blue dress', attributes: ['blue'], object: 'dress', score: 0.25, logit: 2, seen: false, sources: {} },
    ],
    none: 0.5,
  }));
  return { id, model: 'tessera-dual@1', results, candidates: {}, calibration: {}, warnings: [], timings_ms: {} };
}

const bytesTensor = (name: string, ...data: string[]) => ({ name, shape: [data.length], datatype: 'BYTES', data });
const segmentation = (query: string, more: object = {}) => ({
  inputs: [bytesTensor('image', imageText), bytesTensor('query', query)],
  ...more,
});
const infer = (body: object, model = 'tessera-mini', client = gateway.client) =>
  client.post(`/v2/models/${model}/infer`).send(body);
const outputsOf = ({ body }: { readonly body: unknown }) =>
  new Map((body as InferenceResponse).outputs.map((output) => [output.name, output]));
const problemOf = ({ body }: { readonly body: unknown }) => body as InferenceProblem;

/** Texts in the form of the binary tensor data extension. */
function packed(...texts: (string | Buffer)[]): Buffer {
  return Buffer.concat(
    texts.flatMap((text) => {
      const bytes = Buffer.from(text);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      return [length, bytes];
    }),
  );
}

/** Sends JSON with the bytes of tensors after it. */
function inferBinary(body: object, tensors: Buffer, jsonLength?: number | string) {
  const json = Buffer.from(JSON.stringify(body));
  return gateway.client
    .post('/v2/models/tessera-mini/infer')
    .set('content-type', 'application/octet-stream')
    .set('inference-header-content-length', String(jsonLength ?? json.length))
    .buffer(true)
    .parse((response, done) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        done(null, Buffer.concat(chunks));
      });
    })
    .send(Buffer.concat([json, tensors]));
}

/** The JSON and the tensors of an answer with bytes. */
function unpack(response: Response): { json: InferenceResponse; tensors: Map<string, Buffer> } {
  const body = response.body as Buffer;
  let offset = Number(response.headers['inference-header-content-length'] ?? body.length);
  const json = JSON.parse(body.subarray(0, offset).toString()) as InferenceResponse;
  const tensors = new Map<string, Buffer>();
  for (const { name, parameters } of json.outputs) {
    const size = parameters?.binary_data_size;
    if (size === undefined) continue;
    tensors.set(name, body.subarray(offset, offset + size));
    offset += size;
  }
  assert.equal(offset, body.length);
  return { json, tensors };
}

const binaryInput = (name: string, bytes: Buffer, shape = [1], datatype = 'BYTES') => ({
  name,
  shape,
  datatype,
  parameters: { binary_data_size: bytes.length },
});

describe('health and metadata of the Open Inference Protocol', () => {
  test('the server and its models are live, ready and described', async () => {
    assert.deepEqual((await gateway.client.get('/v2/health/live').expect(200)).body, { live: true });
    await until(async () => (await gateway.client.get('/v2/health/ready')).status === 200);
    assert.deepEqual((await gateway.client.get('/v2/health/ready').expect(200)).body, { ready: true });
    const { body: server } = await gateway.client.get('/v2').expect(200);
    assert.deepEqual(server, { name: 'tessera', version: '0.1.0', extensions: ['binary_tensor_data'] });
    const { body: models } = await gateway.client.get('/v2/models').expect(200);
    assert.deepEqual(models, { models: ['tessera-dual', 'tessera-mini'] });
    const { body: ready } = await gateway.client.get('/v2/models/tessera-mini/ready').expect(200);
    assert.deepEqual(ready, { name: 'tessera-mini', ready: true });
  });

  test('the metadata of a model names tensors, with or without its version in the path', async () => {
    const { body } = await gateway.client.get('/v2/models/tessera-mini').expect(200);
    const { outputs, ...rest } = body as ModelMetadata;
    assert.deepEqual(rest, {
      name: 'tessera-mini',
      versions: ['1'],
      platform: 'tessera_bundle',
      inputs: [
        { name: 'image', datatype: 'BYTES', shape: [1] },
        { name: 'query', datatype: 'BYTES', shape: [-1] },
      ],
    });
    assert.deepEqual(outputs[0], { name: 'mask', datatype: 'BOOL', shape: [-1, -1, -1] });
    assert.deepEqual((await gateway.client.get('/v2/models/tessera-mini/versions/1').expect(200)).body, body);
    const { body: dual } = await gateway.client.get('/v2/models/tessera-dual').expect(200);
    assert.deepEqual((dual as ModelMetadata).inputs, [{ name: 'image', datatype: 'BYTES', shape: [-1] }]);
  });

  test('a model or a version that is not served is an error with the text and the code', async () => {
    for (const path of ['/v2/models/other', '/v2/models/other/ready', '/v2/models/tessera-mini/versions/9/ready']) {
      const problem = problemOf(await gateway.client.get(path).expect(404));
      assert.equal(problem.code, 'TSR_MODEL_NOT_FOUND');
      assert.equal(problem.error, `TSR_MODEL_NOT_FOUND: ${problem.detail}`);
    }
  });

  test('whatever is refused below /v2 has the error of the protocol, and nothing else has', async () => {
    const { client } = gateway;
    for (const [answer, status, code] of [
      [client.get('/v2/nothing'), 404, 'TSR_ROUTE_NOT_FOUND'],
      [client.get('/v2/models/tessera-mini/nothing?x=/docs'), 404, 'TSR_ROUTE_NOT_FOUND'],
      [client.get('/v2/models/%ff'), 400, 'TSR_VALIDATION'],
      [client.get(`/v2/models/${'x'.repeat(300)}`), 404, 'TSR_ROUTE_NOT_FOUND'],
      [client.get('/v2/models/tessera-mini/infer'), 405, 'TSR_METHOD_NOT_ALLOWED'],
      [client.delete('/v2'), 405, 'TSR_METHOD_NOT_ALLOWED'],
      [client.post('/v2/health/live'), 405, 'TSR_METHOD_NOT_ALLOWED'],
      [client.post('/v2/models/tessera-mini/infer').type('text/plain').send('x'), 415, 'TSR_MEDIA_TYPE_UNSUPPORTED'],
    ] as const) {
      const problem = problemOf(await answer.expect(status).expect('content-type', /^application\/problem\+json/));
      assert.deepEqual([problem.code, problem.error], [code, `${code}: ${problem.detail}`]);
    }
    for (const path of ['/v22', '/nothing?x=/v2/', '/nothing/v2/']) {
      assert.equal(problemOf(await client.get(path).expect(404)).error, undefined, path);
    }
  });

  test('health needs no key; all else does, and is limited', async () => {
    await guarded.client.get('/v2/health/live').expect(200);
    const problem = problemOf(await guarded.client.get('/v2/models').expect(401));
    assert.match(problem.error, /^TSR_UNAUTHORIZED: /);
    const statuses: number[] = [];
    for (let count = 0; count < 6; count++) {
      const { status } = await infer(segmentation('sky'), 'tessera-mini', guarded.client).set(
        'authorization',
        `Bearer ${key}`,
      );
      statuses.push(status);
    }
    assert.deepEqual(statuses, [200, 200, 200, 200, 200, 429]);
  });
});

describe('segmentation by the Open Inference Protocol', () => {
  test('all outputs of two queries, in JSON', async () => {
    const inputs = [bytesTensor('image', imageText), bytesTensor('query', 'sky', 'nothing')];
    const response = await infer({ id: 'mine', inputs }).expect(200);
    const { model_name: name, model_version: version, id } = response.body as InferenceResponse;
    assert.deepEqual([name, version, id], ['tessera-mini', '1', 'mine']);
    const outputs = outputsOf(response);
    assert.deepEqual([...outputs.keys()], ['mask', 'rle', 'present', 'score', 'label', 'bbox', 'area', 'warnings']);
    const mask = outputs.get('mask');
    assert.deepEqual([mask?.shape, mask?.datatype], [[2, height, width], 'BOOL']);
    const empty = Array<boolean>(width * height).fill(false);
    assert.deepEqual(mask?.data, [...Array.from(upperHalf.data, (value) => value === 1), ...empty]);
    assert.deepEqual(
      ['present', 'score', 'label', 'bbox', 'area'].map((output) => outputs.get(output)?.data),
      [
        [true, false],
        [0.75, 0.25],
        ['sky', ''],
        [0, 0, width, height / 2, 0, 0, 0, 0],
        [600, 0],
      ],
    );
    assert.deepEqual(JSON.parse(String(outputs.get('rle')?.data?.[0])), encodeRle(upperHalf));
    assert.deepEqual(outputs.get('warnings')?.data, ['[]', '[{"code":"unknown_thing","words":["nothing"]}]']);
  });

  test('the parameters are the options of the job', async () => {
    const parameters = { threshold: 0.7, refine: false, pruning_mode: 'csp', pruning_reduction: 0.5 };
    await infer(segmentation('sky', { parameters })).expect(200);
    const [job] = jobs;
    assert.equal(job?.kind, 'segment');
    assert.deepEqual(job.options, {
      model: 'tessera-mini',
      output: { format: 'rle', instances: false, token_map: false },
      threshold: 0.7,
      refine: false,
      pruning: { mode: 'csp', reduction: 0.5 },
    });
  });

  test('tensors come and go as bytes after the JSON', async () => {
    const [image, query] = [packed(png), packed('sky')];
    const inputs = [binaryInput('image', image), binaryInput('query', query)];
    const body = { inputs, parameters: { binary_data_output: true } };
    const response = await inferBinary(body, Buffer.concat([image, query])).expect(200);
    assert.equal(response.headers['content-type'], 'application/octet-stream');
    const { json, tensors } = unpack(response);
    assert.ok(json.outputs.every(({ data }) => data === undefined));
    assert.deepEqual(tensors.get('mask'), Buffer.from(upperHalf.data));
    assert.equal(tensors.get('score')?.readFloatLE(), 0.75);
    assert.equal(tensors.get('area')?.readBigInt64LE(), 600n);
    assert.deepEqual(tensors.get('label'), packed('sky'));
  });

  test('each output comes as it is asked for, without a content type too', async () => {
    const image = packed(png);
    const json = JSON.stringify({
      inputs: [binaryInput('image', image), bytesTensor('query', 'sky')],
      outputs: [{ name: 'mask', parameters: { binary_data: true } }, { name: 'score' }],
    });
    const answer = await fetch(`http://127.0.0.1:${gateway.port}/v2/models/tessera-mini/infer`, {
      method: 'POST',
      // A body of bytes has no content type.
      body: Buffer.concat([Buffer.from(json), image]),
      headers: { 'inference-header-content-length': String(json.length) },
    });
    assert.equal(answer.status, 200);
    const bytes = Buffer.from(await answer.arrayBuffer());
    const length = Number(answer.headers.get('inference-header-content-length'));
    const { outputs } = JSON.parse(bytes.subarray(0, length).toString()) as InferenceResponse;
    assert.deepEqual(outputs, [
      { name: 'mask', datatype: 'BOOL', shape: [1, height, width], parameters: { binary_data_size: 1200 } },
      { name: 'score', datatype: 'FP32', shape: [1], data: [0.75] },
    ]);
    assert.deepEqual(bytes.subarray(length), Buffer.from(upperHalf.data));
  });

  test('pixels are an image, in bytes or in nested lists', async () => {
    const pixels = Buffer.from([255, 0, 0, 0, 255, 0, 0, 0, 255, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const shape = [2, 3, 3];
    const rows = [...pixels].reduce<number[][][]>((lists, value, index) => {
      ((lists[Math.floor(index / 9)] ??= [])[Math.floor(index / 3) % 3] ??= []).push(value);
      return lists;
    }, []);
    const outputs = [{ name: 'score' }];
    const query = bytesTensor('query', 'sky');
    await inferBinary({ inputs: [binaryInput('image', pixels, shape, 'UINT8'), query], outputs }, pixels).expect(200);
    await infer({ inputs: [{ name: 'image', shape, datatype: 'UINT8', data: rows }, query], outputs }).expect(200);
    const [one, other] = jobs.map((job) => (job.kind === 'segment' ? job.imageId : ''));
    assert.equal(one, other);
    const stored = Buffer.from((await stores.blobs.get(imageKey(one ?? ''))) ?? []);
    // 24-bit rows of blue, green and red, filled up to four bytes, from the top: the height is negative.
    assert.deepEqual([stored.toString('latin1', 0, 2), stored.readInt32LE(18), stored.readInt32LE(22)], ['BM', 3, -2]);
    assert.deepEqual([...stored.subarray(54, 54 + 12)], [0, 0, 255, 0, 255, 0, 255, 0, 0, 0, 0, 0]);
  });

  test('the error of a job comes in the form of the protocol, to a request with bytes too', async () => {
    const image = packed(png);
    const body = { inputs: [binaryInput('image', image), bytesTensor('query', 'error TSR_INFERENCE_FAILED')] };
    const response = await inferBinary(body, image).expect(500);
    assert.match(problemOf({ body: JSON.parse((response.body as Buffer).toString()) }).error, /as asked/);
  });

  test('masks that are larger than a body may be are refused before the job runs, with what to ask for instead', async () => {
    const large = `data:image/png;base64,${noisePng(500, 400).toString('base64')}`;
    const inputs = [bytesTensor('image', large), bytesTensor('query', 'sky')];
    const problem = problemOf(await infer({ inputs }).expect(400));
    assert.match(problem.detail, /1200000 bytes of masks, more than TESSERA_MAX_BODY_MB=1; ask for binary data/);
    assert.equal(jobs.length, 0);
    await infer({ inputs, outputs: [{ name: 'rle' }] }).expect(200);
  });

  test('a request that waits is cancelled with its client, and a deadline holds', async () => {
    const controller = new AbortController();
    const asked = fetch(`http://127.0.0.1:${gateway.port}/v2/models/tessera-mini/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(segmentation('slow')),
      signal: controller.signal,
    });
    await until(() => jobs.length === 1);
    controller.abort();
    await assert.rejects(asked);
    await until(() => cancelled === 1);

    const held = await stores.openQueue('held');
    const waiting = await listen(held, stores);
    try {
      const late = await infer(segmentation('sky'), 'tessera-mini', waiting.client).set('x-deadline-ms', '50');
      assert.deepEqual([late.status, problemOf(late).code], [504, 'TSR_JOB_EXPIRED']);
    } finally {
      await waiting.app.close();
    }
  });

  test('a repeated request with an idempotency key is one job', async () => {
    const ask = (query: string) => infer(segmentation(query)).set('idempotency-key', 'once');
    const first = await ask('sky').expect(200);
    const again = await ask('sky').expect(200);
    assert.equal(again.headers['idempotency-replayed'], 'true');
    assert.deepEqual(again.body, first.body);
    assert.equal(jobs.length, 1);
    assert.equal(problemOf(await ask('sea').expect(422)).code, 'TSR_IDEMPOTENCY_KEY_REUSED');
  });
});

test('a closing service answers a request that still waits with 503, not with a job', async () => {
  const held = await stores.openQueue('closing');
  const closing = await listen(held, stores, { TESSERA_DRAIN_S: '1' });
  // Beside the canary of the gateway.
  const waiting = infer(segmentation('sky'), 'tessera-mini', closing.client).then((response) => response);
  await until(async () => (await held.counts()).queued === 2);
  const [answer] = await Promise.all([waiting, closing.app.close()]);
  assert.deepEqual([answer.status, problemOf(answer).code], [503, 'TSR_QUEUE_UNAVAILABLE']);
});

describe('classification by the Open Inference Protocol', () => {
  const vocabulary = [bytesTensor('attributes', 'red', 'blue'), bytesTensor('objects', 'dress')];

  test('pairs of two images', async () => {
    const inputs = [bytesTensor('image', imageText, imageText), ...vocabulary];
    const response = await infer({ inputs, parameters: { top_k: 2, world: 'open' } }, 'tessera-dual').expect(200);
    const outputs = outputsOf(response);
    assert.deepEqual(outputs.get('label')?.shape, [2, 2]);
    assert.deepEqual(
      ['label', 'attributes', 'object', 'score', 'seen', 'none', 'warnings'].map((name) => outputs.get(name)?.data),
      [
        ['red dress', 'blue dress', 'red dress', 'blue dress'],
        ['["red"]', '["blue"]', '["red"]', '["blue"]'],
        ['dress', 'dress', 'dress', 'dress'],
        [0.75, 0.25, 0.75, 0.25],
        [true, false, true, false],
        [0.5, 0.5],
        ['[]'],
      ],
    );
    const [job] = jobs;
    assert.equal(job?.kind, 'classify');
    assert.equal(job.imageIds.length, 2);
    const expected = { model: 'tessera-dual', world: 'open', top_k: 2 };
    assert.deepEqual({ ...job.options, ...expected }, job.options);
  });

  test('chosen pairs, and the name of a vocabulary', async () => {
    const pairs = { name: 'pairs', shape: [1, 2], datatype: 'BYTES', data: [['blue', 'dress']] };
    await infer({ inputs: [bytesTensor('image', imageText), ...vocabulary, pairs] }, 'tessera-dual').expect(200);
    const [job] = jobs;
    assert.equal(job?.kind, 'classify');
    assert.deepEqual('pairs' in job.options && job.options.pairs, [['blue', 'dress']]);
    const named = { inputs: [bytesTensor('image', imageText)], parameters: { vocabulary: 'apparel' } };
    assert.equal(problemOf(await infer(named, 'tessera-dual').expect(404)).code, 'TSR_VOCABULARY_NOT_FOUND');
  });
});

describe('requests that are not of the protocol', () => {
  const image = bytesTensor('image', imageText);
  const query = bytesTensor('query', 'sky');
  const dual = [bytesTensor('attributes', 'red'), bytesTensor('objects', 'dress')];
  const cases: [name: string, body: object, pointer: string, message: RegExp, model?: string][] = [
    ['a missing input', { inputs: [image] }, '/inputs', /must have query, BYTES \[-1\]/],
    ['an unknown input', { inputs: [image, query, bytesTensor('prompt')] }, '/inputs/2/name', /one of image, query/],
    ['an input twice', { inputs: [image, query, query] }, '/inputs/2/name', /twice/],
    ['an unknown output', segmentation('sky', { outputs: [{ name: 'boxes' }] }), '/outputs/0/name', /one of mask, rle/],
    ['an unknown parameter', segmentation('sky', { parameters: { treshold: 1 } }), '/parameters/treshold', /threshold/],
    [
      'a parameter out of range',
      segmentation('sky', { parameters: { threshold: 2 } }),
      '/parameters/threshold',
      /must be <= 1/,
    ],
    [
      'a nested parameter',
      segmentation('sky', { parameters: { pruning_mode: 'x' } }),
      '/parameters/pruning_mode',
      /must be one of off/,
    ],
    [
      'binary_data_output that is no boolean',
      segmentation('sky', { parameters: { binary_data_output: 'yes' } }),
      '/parameters/binary_data_output',
      /boolean/,
    ],
    ['a blank query', segmentation(' '), '/inputs/1/data/0', /must not be blank/],
    ['no elements', { inputs: [image, bytesTensor('query')] }, '/inputs/1', /fewer than 1/],
    ['a shape of another size', { inputs: [image, { ...query, shape: [2] }] }, '/inputs/1', /has 1 elements.*has 2/],
    ['too many elements', { inputs: [image, { ...query, data: [5, 6] }] }, '/inputs/1', /has 2 elements.*has 1/],
    ['two images', { inputs: [bytesTensor('image', 'a', 'b'), query] }, '/inputs/0/shape', /one image/],
    ['a number as text', { inputs: [image, { ...query, data: [5] }] }, '/inputs/1/data/0', /must be a text/],
    ['data that is no list', { inputs: [image, { ...query, data: 'sky' }] }, '/inputs/1', /must have `data`, a list/],
    ['no data', { inputs: [image, { name: 'query', shape: [1], datatype: 'BYTES' }] }, '/inputs/1', /must have `data`/],
    ['half of a surrogate pair', segmentation('\ud800'), '/inputs/1', /surrogate/],
    ['an unknown type', { inputs: [image, { ...query, datatype: 'FP32' }] }, '/inputs/1/datatype', /BYTES, UINT8/],
    ['a field that is not known', { ...segmentation('sky'), output: [] }, '/output', /not a known field/],
    [
      'pixels without colours',
      { inputs: [{ name: 'image', shape: [2, 2], datatype: 'UINT8', data: [1, 2, 3, 4] }, query] },
      '/inputs/0/shape',
      /\[height, width, 3\]/,
    ],
    [
      'pixels out of range',
      { inputs: [{ name: 'image', shape: [1, 1, 3], datatype: 'UINT8', data: [1, 2, 256] }, query] },
      '/inputs/0/data/2',
      /0 to 255/,
    ],
    ['a vocabulary without objects', { inputs: [image, dual[0]] }, '/inputs', /attributes and objects/, 'tessera-dual'],
    [
      'rows without words',
      { inputs: [image, ...dual, { name: 'pairs', shape: [2 ** 31 - 1, 0], datatype: 'BYTES', data: [] }] },
      '/inputs/3/shape',
      /words of a pair/,
      'tessera-dual',
    ],
    [
      'a blank attribute',
      { inputs: [image, bytesTensor('attributes', ' '), bytesTensor('objects', 'dress')] },
      '/inputs/1/data/0',
      /blank/,
      'tessera-dual',
    ],
  ];
  for (const [name, body, pointer, message, model] of cases) {
    test(name, async () => {
      const problem = problemOf(await infer(body, model).expect(400));
      assert.equal(problem.code, 'TSR_VALIDATION');
      assert.equal(problem.error, `TSR_VALIDATION: ${problem.detail}`);
      assert.deepEqual(
        problem.errors?.map((error) => [error.pointer, message.test(error.message)]),
        [[pointer, true]],
        problem.detail,
      );
      assert.equal(jobs.length, 0);
    });
  }

  test('bodies that do not have the bytes that they announce', async () => {
    const bytes = packed(png);
    const body = { inputs: [binaryInput('image', bytes), query] };
    const broken: [tensors: Buffer, jsonLength: string | undefined, status: number, message: RegExp][] = [
      [bytes.subarray(1), undefined, 400, /by their binary_data_size/],
      [Buffer.concat([bytes, bytes]), undefined, 400, /by their binary_data_size/],
      [bytes, '999999999', 400, /shorter than its inference-header/],
      [bytes, 'ten', 400, /not a number of bytes/],
      [bytes, '10', 400, /not valid JSON/],
      [Buffer.alloc(bytes.length, 255), undefined, 400, /ends within its element 0/],
    ];
    for (const [tensors, jsonLength, status, message] of broken) {
      const response = await inferBinary(body, tensors, jsonLength).expect(status);
      assert.match(problemOf({ body: JSON.parse((response.body as Buffer).toString()) }).error, message);
    }
  });

  test('the limits of bodies and of types hold', async () => {
    const oversized = { inputs: [bytesTensor('image', 'a'.repeat(1_100_000)), query] };
    assert.equal(problemOf(await infer(oversized).expect(413)).code, 'TSR_BODY_TOO_LARGE');
    const typed = gateway.client.post('/v2/models/tessera-mini/infer').set('content-type', 'text/plain').send('x');
    assert.equal(problemOf(await typed.expect(415)).code, 'TSR_MEDIA_TYPE_UNSUPPORTED');
    const empty = gateway.client.post('/v2/models/tessera-mini/infer');
    assert.equal(problemOf(await empty.expect(400)).code, 'TSR_BODY_INVALID');
    const deep = `{"inputs": [{"name": "query", "shape": [1], "datatype": "BYTES", "data": ${'['.repeat(100_000)}${']'.repeat(100_000)}}]}`;
    const nested = gateway.client
      .post('/v2/models/tessera-mini/infer')
      .set('content-type', 'application/json')
      .send(deep);
    assert.equal(problemOf(await nested.expect(400)).code, 'TSR_BODY_INVALID');
  });
});
