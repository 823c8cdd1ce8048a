import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { answerJobs, answerOf, listen, problemOf, TestStores, type TestGateway } from './testing/test-gateway.js';
import { noisePng } from './testing/test-images.js';

const png = noisePng(40, 30);
const id = `sha256:${createHash('sha256').update(png).digest('hex')}`;
const dataUrl = `data:image/png;base64,${png.toString('base64')}`;

let stores: TestStores;
let gateway: TestGateway;

before(async () => {
  stores = await TestStores.open();
  const queue = await stores.openQueue('inputs');
  answerJobs(queue, stores.blobs);
  gateway = await listen(queue, stores);
});

after(async () => {
  await gateway.app.close();
  await stores.close();
});

function raw(path: string, type = 'image/png', body: Buffer | string = png) {
  return gateway.client.post(path).set('content-type', type).send(body);
}

for (const type of ['image/png', 'image/jpeg', 'IMAGE/X-UNKNOWN', 'application/octet-stream']) {
  test(`an image may be the body, as ${type}`, async () => {
    const answer = answerOf(await raw('/segment?query=the%20dog+there', type).expect(200));
    assert.equal(answer.image, id);
    assert.deepEqual(answer.results, [{ query: 'the dog there' }]);
    assert.deepEqual(answer.options, { refine: true, threshold: 0.5 });
  });
}

test('the query string of an image has the fields of a form', async () => {
  const fields = new URLSearchParams([
    ['query', 'a dog'],
    ['query', 'ein Hündchen'],
    ['refine', 'false'],
    ['threshold', '0.25'],
    ['output', '{"format": "png"}'],
    ['model', ''],
  ]);
  const answer = answerOf(await raw(`/segment?${fields.toString()}`).expect(200));
  assert.deepEqual(answer.results, [{ query: 'a dog' }, { query: 'ein Hündchen' }]);
  assert.deepEqual(answer.options, {
    refine: false,
    threshold: 0.25,
    output: { format: 'png', instances: false, token_map: false },
  });
});

test('an image as the body with wrong fields is refused with pointers', async () => {
  for (const [search, pointer] of [
    ['', '/query'],
    ['?query=x&treshold=1', '/treshold'],
    ['?query=x&threshold=much', '/threshold'],
    ['?query=x&query=y&queries=z', '/query'],
    ['?query=x&image=y', '/image'],
    ['?query=x&options=7', '/options'],
    ['?query=x&options={"refine":false}&options={"threshold":0.2}', '/options'],
    ['?query=x&threshold=0.2&options={"threshold":0.3}', '/threshold'],
    ['?query=x&model=a&model=b', '/model'],
  ] as const) {
    const problem = problemOf(await raw(`/segment${search}`).expect(400));
    assert.deepEqual([problem.code, problem.errors?.[0]?.pointer], ['TSR_VALIDATION', pointer], search);
  }
});

test('a body that is no image is refused by its bytes', async () => {
  const problem = problemOf(await raw('/segment?query=x', 'image/png', 'no picture').expect(415));
  assert.equal(problem.code, 'TSR_IMAGE_FORMAT_UNSUPPORTED');
  assert.equal(problemOf(await raw('/segment?query=x', 'image/png', '').expect(400)).code, 'TSR_BODY_INVALID');
});

test('an image as the body is classified', async () => {
  const vocabulary = encodeURIComponent('{"attributes": ["red"], "objects": ["ball"]}');
  await raw(`/classify-composition?vocabulary=${vocabulary}&top_k=2`).expect(200);
  const problem = problemOf(await raw('/classify-composition?top_k=2').expect(400));
  assert.equal(problem.errors?.[0]?.pointer, '/vocabulary');
});

test('an id may be a plain text, and a URL an object', async () => {
  await gateway.client.post('/segment').send({ image: dataUrl, query: 'x' }).expect(200);
  for (const image of [id, { id }, ` ${id}\n`, { url: dataUrl }]) {
    const answer = answerOf(await gateway.client.post('/segment').send({ image, query: 'x' }).expect(200));
    assert.equal(answer.image, id);
  }
  for (const image of [id, JSON.stringify({ id })]) {
    const form = gateway.client.post('/segment').field('image', image).field('query', 'x');
    assert.equal(answerOf(await form.expect(200)).image, id);
  }
  const vocabulary = { attributes: ['red'], objects: ['ball'] };
  await gateway.client
    .post('/classify-composition')
    .send({ images: [id, { url: dataUrl }], vocabulary })
    .expect(200);
});

test('a URL in an object is fetched under the same rules as a text', async () => {
  const url = 'https://127.0.0.1/a.png';
  for (const image of [url, { url }]) {
    const problem = problemOf(await gateway.client.post('/segment').send({ image, query: 'x' }).expect(403));
    assert.equal(problem.code, 'TSR_IMAGE_URL_FORBIDDEN');
  }
  const missing = `sha256:${'0'.repeat(64)}`;
  const problem = problemOf(await gateway.client.post('/segment').send({ image: missing, query: 'x' }).expect(404));
  assert.equal(problem.code, 'TSR_IMAGE_NOT_FOUND');
});

test('repeated fields of a form are several queries or images', async () => {
  const form = gateway.client
    .post('/segment')
    .attach('image', png, 'a.png')
    .field('query', 'cat')
    .field('query', 'dog');
  assert.deepEqual(answerOf(await form.expect(200)).results, [{ query: 'cat' }, { query: 'dog' }]);
  const images = gateway.client
    .post('/classify-composition')
    .attach('image', png, 'a.png')
    .attach('image', png, 'b.png');
  await images.field('vocabulary', '{"attributes": ["red"], "objects": ["ball"]}').expect(200);
});

test('a file in the field "file" of a form takes the place of the text of "image", before or behind it', async () => {
  const missing = `sha256:${'0'.repeat(64)}`;
  const form = () => gateway.client.post('/segment').field('query', 'cat');
  for (const request of [
    form().field('image', missing).attach('file', png, 'a.png'),
    form().attach('file', png, 'a.png').field('image', missing),
    form().attach('file', png, 'a.png'),
  ]) {
    assert.equal(answerOf(await request.expect(200)).image, id);
  }
  const several = form().attach('file', png, 'a.png').attach('file', png, 'b.png');
  assert.deepEqual(problemOf(await several.expect(400)).errors?.[0]?.pointer, '/image');
  const text = form().field('image', id).field('file', 'a.png');
  assert.deepEqual(problemOf(await text.expect(400)).errors, [{ pointer: '/file', message: 'must be a file' }]);
  const twice = form().attach('image', png, 'a.png').attach('file', png, 'b.png');
  assert.match(problemOf(await twice.expect(400)).errors?.[0]?.message ?? '', /once/);
});

test('fields in the query string of a form or of JSON are refused, not passed over', async () => {
  const vocabulary = { attributes: ['red'], objects: ['ball'] };
  for (const [path, body] of [
    ['/segment', { image: dataUrl, query: 'cat' }],
    ['/classify-composition', { image: dataUrl, vocabulary }],
    ['/images', { image: dataUrl }],
    ['/vocabularies', { name: 'a', examples: [{ image: dataUrl, attributes: 'red', object: 'ball' }] }],
  ] as const) {
    const { code, errors = [] } = problemOf(
      await gateway.client.post(`${path}?model=nonsense&threshold=0.99`).send(body).expect(400),
    );
    assert.equal(code, 'TSR_VALIDATION');
    assert.deepEqual(
      errors.map(({ pointer }) => pointer),
      ['/model', '/threshold'],
    );
    assert.match(errors[0]?.message ?? '', /is in the query string.*put it into the JSON body/);
  }
  const form = gateway.client.post('/segment?threshold=0.99').attach('image', png, 'a.png').field('query', 'cat');
  assert.match(problemOf(await form.expect(400)).errors?.[0]?.message ?? '', /put it into the form/);
});

test('a JSON list in the field of a single query or image is a list', async () => {
  const form = gateway.client.post('/segment').attach('image', png, 'a.png').field('query', '["cat","dog"]');
  assert.deepEqual(answerOf(await form.expect(200)).results, [{ query: 'cat' }, { query: 'dog' }]);
  const bracket = gateway.client.post('/segment').attach('image', png, 'a.png').field('query', '[the cat');
  assert.deepEqual(answerOf(await bracket.expect(200)).results, [{ query: '[the cat' }]);
});

test('a field of a form that is for one value is refused when it is repeated', async () => {
  for (const [name, first, second, pointer] of [
    ['image', id, id, '/image'],
    ['options', '{"refine": false}', '{"threshold": 0.2}', '/options'],
    ['options', '{}', '{}', '/options'],
    ['options', '7', '{}', '/options'],
    ['threshold', '0.2', '0.3', '/threshold'],
    ['refine', 'true', 'true', '/refine'],
    ['model', 'a', 'b', '/model'],
    ['output', '{"format": "png"}', '{"instances": true}', '/output'],
    ['prompts', '[{"box": [0, 0, 9, 9]}]', '[{"box": [0, 0, 9, 9]}]', '/prompts'],
  ] as const) {
    const form = gateway.client.post('/segment').field(name, first).field(name, second).field('query', 'cat');
    if (name !== 'image') void form.field('image', id);
    const { errors = [] } = problemOf(await form.expect(400));
    assert.deepEqual([errors.length, errors[0]?.pointer], [1, pointer], name);
    assert.match(errors[0]?.message ?? '', first === '7' ? /JSON object|once/ : /once/);
  }
});

test('a field of a form that its options have too is refused', async () => {
  const form = gateway.client.post('/segment').attach('image', png, 'a.png').field('query', 'cat');
  const both = form.field('options', '{"threshold": 0.2, "refine": false}').field('threshold', '0.4');
  assert.deepEqual(problemOf(await both.expect(400)).errors, [
    { pointer: '/threshold', message: 'must be given once, as a field or in options' },
  ]);
});

test('empty optional fields of a form are not given', async () => {
  const form = gateway.client.post('/segment').attach('image', png, 'a.png').field('query', 'cat');
  for (const field of ['queries', 'options', 'prompts', 'threshold', 'model', 'refine', 'output'])
    void form.field(field, '');
  const answer = answerOf(await form.expect(200));
  assert.deepEqual([answer.results, answer.prompts], [[{ query: 'cat' }], undefined]);
});

test('a file that was not chosen is not given, and an empty one is no image', async () => {
  const part = (filename: string) =>
    `--x\r\ncontent-disposition: form-data; name="image"; filename="${filename}"\r\n` +
    'content-type: application/octet-stream\r\n\r\n\r\n--x\r\ncontent-disposition: form-data; name="query"\r\n\r\na\r\n--x--\r\n';
  const ask = (filename: string) =>
    gateway.client.post('/segment').set('content-type', 'multipart/form-data; boundary=x').send(part(filename));
  assert.deepEqual(problemOf(await ask('').expect(400)).errors, [{ pointer: '/image', message: 'is required' }]);
  assert.equal(problemOf(await ask('a.png').expect(422)).code, 'TSR_IMAGE_CORRUPT');
});
