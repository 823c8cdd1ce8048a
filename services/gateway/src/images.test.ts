import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { imageKey } from '@tessera/blob-store';
import type { StoredImage } from '@tessera/contracts';
import { answerJobs, answerOf, listen, problemOf, TestStores, type TestGateway } from './testing/test-gateway.js';
import { noisePng, turned } from './testing/test-images.js';

const png = noisePng(40, 30);
const id = idOf(png);
const dataUrl = `data:image/png;base64,${png.toString('base64')}`;
const key = 'a-secret-key';

let stores: TestStores;
let gateway: TestGateway;
let guarded: TestGateway;

before(async () => {
  stores = await TestStores.open();
  const queue = await stores.openQueue('images');
  answerJobs(queue, stores.blobs);
  gateway = await listen(queue, stores, { TESSERA_MAX_MEGAPIXELS: '0.01' });
  guarded = await listen(queue, stores, { API_KEYS: key, TESSERA_IMAGE_TTL_S: '1' });
});

after(async () => {
  await Promise.all([gateway.app.close(), guarded.app.close()]);
  await stores.close();
});

function idOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function post() {
  return gateway.client.post('/images');
}

const forms: [name: string, ask: () => ReturnType<typeof post>][] = [
  ['as the body', () => post().set('content-type', 'image/png').send(png)],
  ['as bytes of an unknown type', () => post().set('content-type', 'application/octet-stream').send(png)],
  ['in a form', () => post().attach('image', png, 'photo.png')],
  ['as a data URL', () => post().send({ image: dataUrl })],
  ['as base64', () => post().send({ image: png.toString('base64') })],
  ['by its id, once it is stored', () => post().send({ image: { id } })],
  ['by its id in a form', () => post().field('image', id)],
];

for (const [name, ask] of forms) {
  test(`an image is stored ${name}`, async () => {
    const { body } = await ask()
      .expect(200)
      .expect('content-type', /^application\/json/);
    assert.deepEqual(body, { id, width: 40, height: 30, ttl_s: 86_400 });
    assert.deepEqual(Buffer.from((await stores.blobs.get(imageKey(id))) ?? []), png);
  });
}

test('the id stands for the image in other requests', async () => {
  const other = noisePng(24, 16, 7);
  const { body } = await post().set('content-type', 'image/png').send(other).expect(200);
  const { id } = body as StoredImage;
  for (const image of [id, { id }]) {
    const answer = answerOf(await gateway.client.post('/segment').send({ image, query: 'x' }).expect(200));
    assert.equal(answer.image, id);
  }
});

test('the size is that of the image as a person sees it', async () => {
  const { body } = await post().set('content-type', 'image/png').send(turned(png)).expect(200);
  const { width, height } = body as StoredImage;
  assert.deepEqual([width, height], [30, 40]);
});

test('an image is kept as long as the answer says after its last use', async () => {
  const ask = (image: string) => guarded.client.post('/images').set('authorization', `Bearer ${key}`).send({ image });
  const small = noisePng(4, 4, 3);
  const { body } = await ask(small.toString('base64')).expect(200);
  assert.equal((body as StoredImage).ttl_s, 1);
  for (let use = 0; use < 3; use++) {
    await delay(600);
    await ask(idOf(small)).expect(200);
  }
  await delay(1_200);
  assert.equal(problemOf(await ask(idOf(small)).expect(404)).code, 'TSR_IMAGE_NOT_FOUND');
});

test('an API key is required where there are any, before the body is read', async () => {
  const problem = problemOf(
    await guarded.client.post('/images').set('content-type', 'image/png').send(png).expect(401),
  );
  assert.equal(problem.code, 'TSR_UNAUTHORIZED');
});

const raw = (body: Buffer | string, type = 'image/png') => post().set('content-type', type).send(body);
const refusals: [name: string, ask: () => ReturnType<typeof post>, status: number, code: string, pointer?: string][] = [
  ['no bytes', () => raw(''), 400, 'TSR_BODY_INVALID'],
  ['bytes that are no image', () => raw('no picture'), 415, 'TSR_IMAGE_FORMAT_UNSUPPORTED'],
  ['a damaged header', () => raw(png.subarray(0, 20)), 422, 'TSR_IMAGE_CORRUPT'],
  ['an image of too many pixels', () => raw(noisePng(200, 51)), 413, 'TSR_IMAGE_TOO_LARGE'],
  ['another content type', () => raw('x', 'text/plain'), 415, 'TSR_MEDIA_TYPE_UNSUPPORTED'],
  ['a field in the query string', () => raw(png).query({ query: 'x' }), 400, 'TSR_VALIDATION', '/query'],
  ['no image', () => post().send({}), 400, 'TSR_VALIDATION', '/image'],
  ['another field', () => post().send({ image: dataUrl, query: 'x' }), 400, 'TSR_VALIDATION', '/query'],
  ['a list', () => post().send([]), 400, 'TSR_VALIDATION', ''],
  ['a number', () => post().send({ image: 7 }), 400, 'TSR_VALIDATION', '/image'],
  ['an id that is a path', () => post().send({ image: { id: '../x' } }), 400, 'TSR_VALIDATION', '/image/id'],
  ['an unknown id', () => post().send({ image: `sha256:${'0'.repeat(64)}` }), 404, 'TSR_IMAGE_NOT_FOUND'],
  ['a file: URL', () => post().send({ image: 'file:///etc/passwd' }), 400, 'TSR_IMAGE_SOURCE_INVALID'],
  ['a URL into the network', () => post().send({ image: 'https://127.0.0.1/a' }), 403, 'TSR_IMAGE_URL_FORBIDDEN'],
  ['a file of another name', () => post().attach('photo', png, 'a.png'), 400, 'TSR_VALIDATION', '/photo'],
  [
    'an option',
    () => post().attach('image', png, 'a.png').field('options', '{"refine": false}'),
    400,
    'TSR_VALIDATION',
    '/options/refine',
  ],
  [
    'two files',
    () => post().attach('image', png, 'a.png').attach('image', png, 'b.png'),
    400,
    'TSR_VALIDATION',
    '/image',
  ],
  ['an empty file', () => post().attach('image', Buffer.alloc(0), 'a.png'), 422, 'TSR_IMAGE_CORRUPT'],
];

for (const [name, ask, status, code, pointer] of refusals) {
  test(`${name} is refused`, async () => {
    const problem = problemOf(await ask().expect(status));
    assert.deepEqual([problem.code, problem.errors?.[0]?.pointer], [code, pointer], problem.detail);
  });
}
