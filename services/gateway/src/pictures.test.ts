import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  answerJobs,
  answerOf,
  jobOf,
  listen,
  problemOf,
  testPicture,
  TestStores,
  type TestGateway,
} from './testing/test-gateway.js';
import { noisePng } from './testing/test-images.js';

const image = noisePng(8, 8).toString('base64');

let stores: TestStores;
let gateway: TestGateway;

before(async () => {
  stores = await TestStores.open();
  const queue = await stores.openQueue('pictures');
  answerJobs(queue, stores.blobs);
  gateway = await listen(queue, stores);
});

after(async () => {
  await gateway.app.close();
  await stores.close();
});

function segment(accept: string | undefined, body: object = { image, query: 'the dog' }) {
  const request = gateway.client.post('/segment');
  return (accept === undefined ? request : request.set('accept', accept)).send(body);
}

for (const [accept, type] of [
  ['image/png', 'image/png'],
  ['image/jpeg', 'image/jpeg'],
  ['IMAGE/PNG', 'image/png'],
  ['image/*', 'image/png'],
  ['image/jpeg, image/png;q=0.9', 'image/jpeg'],
  ['application/json;q=0.5, image/png', 'image/png'],
  ['image/webp, image/png;q=0.1', 'image/png'],
  ['image/png;q=abc', 'image/png'],
  ['image/png; q=7, image/jpeg;q=0.5', 'image/png'],
  ['image/png;q=, application/json;q=0.2', 'image/png'],
] as const) {
  test(`accept: ${accept} is answered with ${type}`, async () => {
    const response = await segment(accept).expect(200);
    assert.equal(response.headers['content-type'], type);
    assert.deepEqual(response.body, testPicture);
    const [, job = ''] = /^<(\/jobs\/[^>]+)>; rel="describedby"$/.exec(response.headers.link ?? '') ?? [];
    const { result } = jobOf(await gateway.client.get(job).expect(200));
    assert.deepEqual(answerOf({ body: result }).results, [{ query: 'the dog' }]);
  });
}

for (const accept of [
  undefined,
  '*/*',
  'application/json',
  'application/json, image/png',
  'text/html, image/webp, */*;q=0.8',
  'text/html',
]) {
  test(`accept: ${accept ?? 'nothing'} is answered with JSON`, async () => {
    const response = await segment(accept).expect(200);
    assert.match(response.headers['content-type'] ?? '', /^application\/json/);
    assert.equal(answerOf(response).options.output, undefined);
    assert.equal(response.headers.link, undefined);
  });
}

test('a form may ask for a picture, with other options of its own', async () => {
  const form = gateway.client.post('/segment').set('accept', 'image/png').attach('image', Buffer.from(image, 'base64'));
  const response = await form.field('query', 'x').field('options', '{"output": {"instances": true}}').expect(200);
  assert.deepEqual(response.body, testPicture);
});

test('an overlay in JSON is asked for as an option', async () => {
  for (const overlay of [true, 'jpeg', 'png']) {
    const response = await segment(undefined, { image, query: 'x', output: { overlay } }).expect(200);
    const name = overlay === true ? 'jpeg' : overlay;
    const { overlay: answer } = response.body as { overlay: { image: string } };
    assert.equal(answer.image, `data:image/${String(name)};base64,${testPicture.toString('base64')}`);
  }
  const problem = problemOf(await segment(undefined, { image, query: 'x', output: { overlay: 'gif' } }).expect(400));
  assert.equal(problem.errors?.[0]?.pointer, '/output/overlay');
});

test('other kinds of pictures alone are not acceptable', async () => {
  await segment('image/png;q=0').expect(406);
  const problem = problemOf(await segment('image/webp').expect(406));
  assert.equal(problem.code, 'TSR_NOT_ACCEPTABLE');
  assert.match(problem.detail, /image\/png and image\/jpeg/);
});

test('a picture is for a request that waits', async () => {
  const refused = await segment('image/png').set('prefer', 'respond-async').expect(406);
  assert.equal(problemOf(refused).code, 'TSR_NOT_ACCEPTABLE');
  assert.match(problemOf(refused).detail, /output\.overlay/);
  const late = await segment('image/png', { image, query: 'slow' }).set('prefer', 'wait=1').expect(202);
  assert.match(late.headers['content-type'] ?? '', /^application\/json/);
  assert.equal(late.headers.location, `/jobs/${jobOf(late).id}`);
});

test('errors stay problem details', async () => {
  const response = await segment('image/png', { image, query: 'error TSR_IMAGE_CORRUPT' }).expect(422);
  assert.match(response.headers['content-type'] ?? '', /^application\/problem\+json/);
});

test('a tolerance is for polygons', async () => {
  const ask = (output: object) => segment(undefined, { image, query: 'x', output });
  await ask({ format: 'polygon', tolerance: 1.5 }).expect(200);
  await ask({ tolerance: 0 }).expect(200);
  for (const output of [{ tolerance: 1 }, { format: 'png', tolerance: 1 }, { format: 'polygon', tolerance: -1 }]) {
    assert.equal(problemOf(await ask(output).expect(400)).errors?.[0]?.pointer, '/output/tolerance');
  }
});
