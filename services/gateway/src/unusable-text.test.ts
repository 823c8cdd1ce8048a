import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  ClassifyCompositionRequest,
  PredictRequest,
  SegmentRequest,
  SetupRequest,
  StoreImageRequest,
  TrainVocabularyRequest,
} from '@tessera/contracts';
import { Value } from 'typebox/value';
import { tarOf } from './testing/test-archives.js';
import { answerJobs, listen, problemOf, TestStores, type TestGateway } from './testing/test-gateway.js';
import { noisePng } from './testing/test-images.js';

const png = noisePng(8, 8);
const image = png.toString('base64');
/** A NUL, and either half of a surrogate pair. */
const unusable = ['\0', '\ud800', '\udc00'];

const webhook = { url: 'https://example.org/hook', events: ['job.succeeded'] };

/** Requests with every field that takes text; those of `/v2` are in `open-inference.test.ts`. */
const requests = {
  '/images': [StoreImageRequest, { image }, { image: { id: `sha256:${'0'.repeat(64)}` } }],
  '/segment': [
    SegmentRequest,
    { image, query: 'a dog', model: 'm', output: { format: 'rle' }, pruning: { mode: 'off' } },
    { image: { id: `sha256:${'0'.repeat(64)}` }, queries: ['a dog', 'a cat'], webhook },
  ],
  '/classify-composition': [
    ClassifyCompositionRequest,
    {
      images: [image, { id: `sha256:${'0'.repeat(64)}` }],
      model: 'm',
      vocabulary: { attributes: ['red', 'blue'], objects: ['dress'] },
      pairs: [['red', 'dress']],
      world: 'open',
      unknown_primitives: 'error',
    },
    { image, vocabulary: 'apparel', webhook },
  ],
  '/label-studio/predict': [
    PredictRequest,
    {
      tasks: [{ data: { photo: image } }],
      label_config: '<View/>',
      params: {
        context: {
          result: [
            { type: 'keypointlabels', from_name: 'a', value: { x: 1, y: 1, text: ['a'], keypointlabels: ['b'] } },
          ],
        },
      },
    },
  ],
  '/label-studio/setup': [SetupRequest, { schema: '<View/>' }],
  '/vocabularies': [
    TrainVocabularyRequest,
    {
      name: 'shapes',
      model: 'm',
      method: 'csp',
      webhook,
      examples: [
        { image, attributes: 'red', object: 'ball', set: 'train' },
        { image, attributes: ['red', 'big'], object: 'ball' },
      ],
    },
  ],
} as const;

let stores: TestStores;
let gateway: TestGateway;

before(async () => {
  stores = await TestStores.open();
  const queue = await stores.openQueue('text');
  answerJobs(queue, stores.blobs);
  gateway = await listen(queue, stores);
});

after(async () => {
  await gateway.app.close();
  await stores.close();
});

/** Pointers to all texts in a value. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [''];
  return Object.entries(value as object).flatMap(([name, child]) => textsIn(child).map((rest) => `/${name}${rest}`));
}

for (const [path, [schema, ...bodies]] of Object.entries(requests)) {
  for (const body of bodies) {
    assert.ok(Value.Check(schema, body));
    for (const pointer of textsIn(body)) {
      test(`${path} refuses unusable text in ${pointer}`, async () => {
        for (const character of unusable) {
          const broken: object = structuredClone(body);
          Value.Pointer.Set(broken, pointer, `${String(Value.Pointer.Get(body, pointer))}${character}`);
          const text = JSON.stringify(broken);
          const json = await gateway.client.post(path).type('json').send(text).expect(400);
          assert.equal(problemOf(json).code, 'TSR_VALIDATION');
          assert.match(problemOf(json).errors?.[0]?.pointer ?? '', new RegExp(`^${pointer}`));
        }
      });
    }
  }
}

const forms: [path: string, field: string, value: (character: string) => string, pointer: string][] = [
  ['/segment', 'query', (character) => `a${character}`, '/query'],
  ['/segment', 'queries', (character) => `a${character}`, '/queries/0'],
  ['/segment', 'model', (character) => `a${character}`, '/model'],
  ['/segment', 'options', (character) => JSON.stringify({ model: `a${character}` }), '/model'],
  ['/classify-composition', 'model', (character) => `a${character}`, '/model'],
  [
    '/classify-composition',
    'vocabulary',
    (character) => JSON.stringify({ attributes: [`a${character}`], objects: ['b'] }),
    '/vocabulary/attributes/0',
  ],
  ['/classify-composition', 'pairs', (character) => JSON.stringify([['a', character + 'b']]), '/pairs/0/1'],
];

for (const [path, field, value, pointer] of forms) {
  test(`${path} refuses unusable text in the form field ${field}`, async () => {
    const rest = { query: 'a', vocabulary: 'b' };
    const others = path === '/segment' ? (field === 'queries' ? {} : { query: rest.query }) : { vocabulary: 'b' };
    // Half of a surrogate pair has no UTF-8; only JSON can write it.
    for (const character of field === 'options' || value('').startsWith('{') ? unusable : ['\0']) {
      const request = gateway.client.post(path).attach('image', png, 'image.png');
      const fields: Record<string, string> = { ...others, [field]: value(character) };
      for (const [name, text] of Object.entries(fields)) void request.field(name, text);
      const response = await request.expect(400);
      assert.equal(problemOf(response).errors?.[0]?.pointer, pointer);
    }
  });
}

test('a training form and its metadata are searched too', async () => {
  const example = { image: 'a.png', attributes: ['red'], object: 'ball' };
  const archiveOf = (row: object) =>
    tarOf([
      { name: 'metadata.json', contents: JSON.stringify([row]) },
      { name: 'images/a.png', contents: png },
    ]);
  const form = gateway.client.post('/vocabularies').field('name', 'shapes').field('model', 'a\0');
  const named = await form.attach('archive', await archiveOf(example), 'x.tar').expect(400);
  assert.equal(problemOf(named).errors?.[0]?.pointer, '/model');
  for (const character of unusable) {
    for (const words of [{ object: character + 'b' }, { attributes: [`a${character}`] }, { image: `b${character}` }]) {
      const archive = await archiveOf({ ...example, ...words });
      const response = await gateway.client
        .post('/vocabularies')
        .field('name', 'shapes')
        .attach('archive', archive, 'x.tar')
        .expect(422);
      assert.equal(problemOf(response).code, 'TSR_ARCHIVE_INVALID');
      assert.match(problemOf(response).detail, new RegExp(`/0/${Object.keys(words)[0] ?? ''}`));
    }
  }
});

/** Half of a surrogate pair, a byte that never occurs in UTF-8, a truncated character, and an overlong one. */
const notUtf8 = ['eda080', 'ff', 'e282', 'c0af'].map((bytes) => Buffer.from(bytes, 'hex'));

for (const path of Object.keys(requests)) {
  test(`${path} refuses bodies that are not UTF-8`, async () => {
    for (const bytes of notUtf8) {
      const field = path === '/vocabularies' ? 'name' : 'model';
      const json = Buffer.concat([Buffer.from(`{"${field}":"a`), bytes, Buffer.from('"}')]);
      const head = `--x\r\ncontent-disposition: form-data; name="${field}"\r\n\r\na`;
      const form = Buffer.concat([Buffer.from(head), bytes, Buffer.from('\r\n--x--\r\n')]);
      for (const [type, body] of [
        ['application/json', json],
        ['multipart/form-data; boundary=x', form],
      ] as const) {
        const request = gateway.client.post(path).set('content-type', type);
        const response = await request.serialize((value: unknown) => value as string).send(body);
        const takesForm = body === json || !path.startsWith('/label-studio/');
        const expected = takesForm ? [400, 'TSR_BODY_INVALID'] : [415, 'TSR_MEDIA_TYPE_UNSUPPORTED'];
        assert.deepEqual([response.status, problemOf(response).code], expected);
        if (takesForm) assert.match(problemOf(response).detail, /not valid UTF-8/);
      }
    }
  });
}

test('metadata that is not UTF-8 is refused', async () => {
  const row = JSON.stringify([{ image: 'a.png', attributes: ['red'], object: 'b#' }]).split('#');
  const contents = Buffer.concat([Buffer.from(row[0] ?? ''), Buffer.from([0xff]), Buffer.from(row[1] ?? '')]);
  const archive = await tarOf([
    { name: 'metadata.json', contents },
    { name: 'images/a.png', contents: png },
  ]);
  const form = gateway.client.post('/vocabularies').field('name', 'shapes').attach('archive', archive, 'x.tar');
  assert.match(problemOf(await form.expect(422)).detail, /not valid UTF-8/);
});

test('a query string that is not UTF-8 is refused by every route', async () => {
  const image = (path: string) => gateway.client.post(path).type('image/png').send(png);
  for (const search of [
    'query=caf%E9',
    'query=%ff',
    'query=a%ed%a0%80',
    'query=a%c0%af',
    'x=1&%e9=1',
    'query=%C3%A9%E9',
  ]) {
    const refused = [
      image(`/segment?${search}`),
      image(`/images?${search}`),
      image(`/classify-composition?${search}`),
      gateway.client.get(`/models?${search}`),
      gateway.client.get(`/livez?${search}`),
      gateway.client.delete(`/jobs/x?${search}`),
    ];
    for (const request of refused) {
      const problem = problemOf(await request.expect(400));
      assert.deepEqual(
        [problem.code, problem.detail],
        ['TSR_VALIDATION', 'The query string is not percent-encoded UTF-8.'],
      );
    }
  }
  for (const query of ['caf%C3%A9', '100%', '%F0%9F%90%95', 'a%25']) await image(`/segment?query=${query}`).expect(200);
});

test('paths and query strings are searched too', async () => {
  for (const [method, path] of [
    ['get', '/jobs/%00'],
    ['delete', '/jobs/a%00b'],
    ['get', '/jobs/%00/events'],
    ['get', '/vocabularies/%00'],
    ['delete', '/vocabularies/a%00'],
    ['get', '/vocabularies/a%00/file'],
    ['get', '/jobs/x?note=%00'],
  ] as const) {
    const problem = problemOf(await gateway.client[method](path).expect(400));
    assert.equal(problem.code, 'TSR_VALIDATION');
    assert.match(problem.detail, /\b(id|name|note)\b/);
  }
  const put = gateway.client.put('/vocabularies/a%00/file').type('application/vnd.tessera.vocabulary');
  assert.equal(problemOf(await put.send(Buffer.from('x')).expect(400)).code, 'TSR_VALIDATION');
});
