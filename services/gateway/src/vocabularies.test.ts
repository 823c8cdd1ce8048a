import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { forgetTraining, getTrainingExamples, trainingImageKey, vocabularyKey } from '@tessera/blob-store';
import { describeVocabulary, parseVocabulary, serializeVocabulary, type Vocabulary } from '@tessera/composition';
import { vocabularyMediaType, type VocabularySummary } from '@tessera/contracts';
import type { JobQueue } from '@tessera/queue';
import type { Response } from 'supertest';
import { tarGzOf, tarOf, type TestEntry } from './testing/test-archives.js';
import { jobOf, listen, problemOf, TestStores, until, type TestGateway } from './testing/test-gateway.js';
import { noisePng } from './testing/test-images.js';

const image = noisePng(12, 10);
const other = noisePng(12, 10, 2);

const vocabulary: Vocabulary = {
  name: 'shapes',
  model: 'tessera-dual',
  method: 'csp',
  attributes: ['blue', 'red'],
  objects: ['ball'],
  seen_pairs: [['red', 'ball']],
  logit_scale: 100,
  base: { name: 'tessera-dual', sha256: '0'.repeat(64) },
  learned: { rows: 3, width: 2, values: Float32Array.from([1, 2, 3, 4, 5, 6]) },
};

let stores: TestStores;
let queue: JobQueue;
let gateway: TestGateway;

before(async () => {
  stores = await TestStores.open();
  queue = await stores.openQueue('vocabularies');
  gateway = await listen(queue, stores, { TESSERA_MAX_BODY_MB: '1', TESSERA_MAX_ARCHIVE_MB: '2' });
});

after(async () => {
  await gateway.app.close();
  await stores.close();
});

function train(body: object) {
  return gateway.client.post('/vocabularies').send(body);
}

function upload(name: string, archive: Buffer) {
  return gateway.client.post('/vocabularies').field('name', name).attach('archive', archive, 'set.tar');
}

const inline = (name: string) => ({
  name,
  examples: [
    { image: image.toString('base64'), attributes: 'red', object: 'ball' },
    { image: other.toString('base64'), attributes: ['small', 'blue'], object: 'ball', set: 'val' },
  ],
});

const rows = [
  { image: 'a/one.png', attr: 'red', obj: 'ball', set: 'train' },
  { image: 'images/two.png', attributes: ['small', 'blue'], object: 'ball', set: 'val', note: 'ignored' },
];
const metadata: TestEntry = { name: 'metadata.json', contents: JSON.stringify(rows) };
const images: TestEntry[] = [
  { name: 'images/a/one.png', contents: image },
  { name: 'images/two.png', contents: other },
];

/** The stored examples of an accepted training, as far as a test says what they are. */
async function examplesOf(response: Response) {
  const { id } = jobOf(response);
  const examples = (await getTrainingExamples(stores.blobs, id)) ?? assert.fail('no examples are stored');
  for (const example of examples) assert.ok(await stores.blobs.has(trainingImageKey(id, example.image)));
  return examples.map(({ attributes, object, set }) => `${attributes.join('+')} ${object} ${set}`);
}

async function forget(response: Response, name: string): Promise<void> {
  const { id } = jobOf(response);
  await gateway.client.delete(`/jobs/${id}`).expect(200);
  await forgetTraining(stores.blobs, id, name);
}

test('inline examples are stored and their training queued', async () => {
  const accepted = await train({ ...inline('inline'), method: 'coop', recipe: { epochs: 3 } }).expect(202);
  const { id, status } = jobOf(accepted);
  assert.equal(accepted.headers.location, `/jobs/${id}`);
  assert.equal(status, 'queued');
  assert.deepEqual(await examplesOf(accepted), ['red ball train', 'small+blue ball val']);
  assert.deepEqual((await stores.trainings.get(id))?.data, {
    kind: 'train-vocabulary',
    name: 'inline',
    method: 'coop',
    recipe: { epochs: 3 },
  });
  await forget(accepted, 'inline');
});

const archives: [name: string, archive: () => Promise<Buffer>][] = [
  ['tar', () => tarOf([metadata, ...images])],
  ['tar.gz with its metadata last', () => tarGzOf([...images, metadata])],
  [
    'tar of a directory with other files in it',
    () =>
      tarOf([
        { name: './set/', type: 'directory' },
        { name: './set/._metadata.json', contents: 'x' },
        { name: './set/README', contents: 'x' },
        ...[...images, { name: 'images/._two.png', contents: 'x' }, metadata].map((entry) => ({
          ...entry,
          name: `./set/${entry.name}`,
        })),
      ]),
  ],
];

for (const [name, archive] of archives) {
  test(`a ${name} is unpacked into examples`, async () => {
    const accepted = await upload('archived', await archive()).expect(202);
    assert.deepEqual(await examplesOf(accepted), ['red ball train', 'small+blue ball val']);
    await forget(accepted, 'archived');
  });
}

test('a training that is cancelled before it runs leaves nothing behind', async () => {
  const before = await stores.blobs.list('');
  const accepted = await train(inline('fleeting')).expect(202);
  assert.ok((await stores.blobs.list('')).length > before.length);
  await gateway.client.delete(jobOf(accepted).id.replace(/^/, '/jobs/')).expect(200);
  assert.deepEqual((await stores.blobs.list('')).sort(), before.sort());
});

test('a name is claimed by one of several trainings, and free again when that is over', async () => {
  const answers = await Promise.all(Array.from({ length: 5 }, () => train(inline('contested'))));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [202, 409, 409, 409, 409]);
  const accepted = answers.find(({ status }) => status === 202) ?? assert.fail();
  assert.equal(problemOf(await train(inline('contested')).expect(409)).code, 'TSR_VOCABULARY_CONFLICT');
  const imported = await importFile('contested', serializeVocabulary(vocabulary)).expect(409);
  assert.equal(problemOf(imported).code, 'TSR_VOCABULARY_CONFLICT');
  const [summary] = await list();
  assert.deepEqual(summary, { name: 'contested', status: 'training', job: jobOf(accepted).id });
  assert.match(problemOf(await gateway.client.get('/vocabularies/contested').expect(404)).detail, /is training it/);
  await gateway.client.delete(`/jobs/${jobOf(accepted).id}`).expect(200);
  await forget(await train(inline('contested')).expect(202), 'contested');
});

test('the claim of a training that expired is given to the next', async () => {
  await train(inline('late')).set('x-deadline-ms', '1').expect(202);
  await until(async () => (await train(inline('late'))).status === 202);
});

test('a vocabulary is imported, listed, shown, exported and deleted', async () => {
  const file = serializeVocabulary({ ...vocabulary, name: 'elsewhere' });
  const created = await importFile('imported', file).expect(201);
  assert.deepEqual(created.body, describeVocabulary({ ...vocabulary, name: 'imported' }));
  await importFile('imported', file).expect(200);
  assert.equal((await list()).find(({ name }) => name === 'imported')?.seen_pairs, 1);
  assert.deepEqual((await gateway.client.get('/vocabularies/imported').expect(200)).body, created.body);
  const exported = await gateway.client.get('/vocabularies/imported/file').responseType('blob').expect(200);
  assert.equal(exported.headers['content-type'], vocabularyMediaType);
  assert.deepEqual(parseVocabulary(exported.body as Buffer), { ...vocabulary, name: 'imported' });

  const taken = await train(inline('imported')).expect(409);
  assert.match(problemOf(taken).detail, /already/);
  await forget(await train({ ...inline('imported'), replace: true }).expect(202), 'imported');

  await gateway.client.delete('/vocabularies/imported').expect(204);
  for (const path of ['imported', 'imported/file']) {
    assert.equal(
      problemOf(await gateway.client.get(`/vocabularies/${path}`).expect(404)).code,
      'TSR_VOCABULARY_NOT_FOUND',
    );
  }
  await gateway.client.delete('/vocabularies/imported').expect(404);
});

test('a stored vocabulary that cannot be read is listed by its name, and a claim that cannot be read is none', async () => {
  const expiry = { ttlMs: 60_000 };
  await stores.blobs.put('vocabularies/damaged', Buffer.from('{"written": "by a later version"}'), expiry);
  await stores.blobs.put('vocabulary-claims/damaged', Buffer.from('\0{"job":'), expiry);
  const { vocabularies } = (await gateway.client.get('/vocabularies').expect(200)).body as {
    vocabularies: { name: string }[];
  };
  const found = vocabularies.find(({ name }) => name === 'damaged');
  assert.deepEqual(found, { name: 'damaged', status: 'trained' });
  assert.equal(problemOf(await gateway.client.get('/vocabularies/damaged').expect(422)).code, 'TSR_VOCABULARY_INVALID');
  await gateway.client.delete('/vocabularies/damaged').expect(204);
});

test('files that are no vocabularies are refused', async () => {
  const file = serializeVocabulary(vocabulary);
  const notFinite = Buffer.from(file);
  notFinite.writeUInt32LE(0x7fc00000, notFinite.length - 4);
  const longHeader = Buffer.from(file);
  longHeader.writeBigUInt64LE(1n << 62n, 0);
  for (const broken of [Buffer.alloc(0), Buffer.from('hello'), notFinite, longHeader, file.subarray(0, -1)]) {
    const response = await importFile('broken', broken);
    assert.match(problemOf(response).code, /^TSR_(VOCABULARY_INVALID|BODY_INVALID)$/);
    assert.ok(response.status === 422 || broken.length === 0);
  }
  const json = await gateway.client.put('/vocabularies/broken/file').send({ name: 'x' }).expect(415);
  assert.equal(problemOf(json).code, 'TSR_MEDIA_TYPE_UNSUPPORTED');
  assert.equal(await stores.blobs.has(vocabularyKey('broken')), false);
});

const brokenArchives: [name: string, archive: () => Promise<Buffer> | Buffer, status: number, detail: RegExp][] = [
  ['bytes that are none', () => Buffer.alloc(2_000, 'x'), 422, /damaged/],
  ['a tar that ends early', async () => (await tarOf([metadata, ...images])).subarray(0, 2_100), 422, /damaged/],
  ['a gzip that ends early', async () => (await tarGzOf([metadata, ...images])).subarray(0, -20), 422, /damaged/],
  ['an archive without metadata', () => tarOf(images), 422, /has no metadata/],
  ['an archive without an image', () => tarOf([metadata]), 422, /lacks/],
  [
    'an archive with two sets',
    () =>
      tarOf([
        { ...metadata, name: 'a/metadata.json' },
        { ...metadata, name: 'b/metadata.json' },
      ]),
    422,
    /more than one/,
  ],
  ['an archive with a file twice', () => tarOf([metadata, ...images, ...images]), 422, /twice/],
  [
    'a path that leads out',
    () => tarOf([metadata, { name: 'images/../../etc/passwd', contents: 'x' }]),
    422,
    /unusable path/,
  ],
  ['a path from the root', () => tarOf([metadata, { name: '/images/one.png', contents: 'x' }]), 422, /unusable path/],
  [
    'a symbolic link',
    () => tarOf([{ name: 'images/one.png', type: 'symlink', linkname: '/etc/passwd' }, metadata]),
    422,
    /symlink/,
  ],
  [
    'a hard link',
    () => tarOf([{ name: 'images/one.png', type: 'link', linkname: 'metadata.json' }, metadata]),
    422,
    /link/,
  ],
  ['a device', () => tarOf([{ name: 'images/one.png', type: 'character-device' }, metadata]), 422, /device/],
  ['metadata that is no JSON', () => tarOf([{ ...metadata, contents: '[{' }]), 422, /not JSON/],
  ['metadata that is no list', () => tarOf([{ ...metadata, contents: '{"image": "x"}' }]), 422, /metadata\.json/],
  [
    'metadata without object',
    () => tarOf([{ ...metadata, contents: '[{"image": "x", "attr": "red"}]' }]),
    422,
    /no object in row 0/,
  ],
  [
    'metadata with a number for a word',
    () => tarOf([{ ...metadata, contents: '[{"image": "x", "attr": 7, "obj": "y"}]' }]),
    422,
    /metadata\.json/,
  ],
  [
    'examples none of which is for training',
    () => tarOf([{ ...metadata, contents: JSON.stringify([{ ...rows[1] }]) }, ...images]),
    422,
    /"train"/,
  ],
  [
    'an image that is none',
    () => tarOf([metadata, { name: 'images/a/one.png', contents: 'GIF' }, ...images.slice(1)]),
    415,
    /images\/a\/one\.png/,
  ],
  [
    'an image above the limit',
    () => tarOf([metadata, { name: 'images/two.png', contents: Buffer.alloc(1_100_000) }]),
    413,
    /larger/,
  ],
  [
    'a gzip bomb',
    () => tarGzOf([{ name: 'zeros', contents: Buffer.alloc(5_000_000) }, metadata]),
    413,
    /unpacks to more/,
  ],
];

for (const [name, archive, status, detail] of brokenArchives) {
  test(`${name} is answered ${status} and leaves nothing behind`, async () => {
    const before = await stores.blobs.list('');
    const response = await upload('hostile', await archive());
    assert.match(problemOf(response).detail, detail);
    assert.equal(response.status, status);
    assert.deepEqual((await stores.blobs.list('')).sort(), before.sort());
  });
}

test('a form without archive, with its fields after it or with wrong fields is refused', async () => {
  const archive = await tarOf([metadata, ...images]);
  const post = () => gateway.client.post('/vocabularies');
  const forms: [pointer: string, form: ReturnType<typeof post>][] = [
    ['/archive', post().field('name', 'x')],
    ['/name', post().attach('archive', archive, 'x')],
    ['/name', post().field('name', '../x').attach('archive', archive, 'x')],
    ['/method', post().field('name', 'x').attach('archive', archive, 'x').field('method', 'csp')],
    ['/recipe/epochs', post().field('name', 'x').field('recipe', '{"epochs": 0}').attach('archive', archive, 'x')],
    ['/file', post().field('name', 'x').attach('file', archive, 'x')],
  ];
  for (const [pointer, form] of forms) {
    const problem = problemOf(await form.expect(400));
    assert.deepEqual(
      problem.errors?.map((error) => error.pointer),
      [pointer],
    );
  }
});

test('inline examples that cannot be used are pointed to', async () => {
  const [first, second] = inline('x').examples;
  const bodies: [pointer: string, status: number, body: object][] = [
    ['/examples', 400, { name: 'x' }],
    ['/name', 400, { name: 'a/b', examples: [first] }],
    ['/examples/0/set', 400, { name: 'x', examples: [{ ...first, set: 'dev' }] }],
    ['/examples/1/image', 415, { name: 'x', examples: [first, { ...second, image: 'aGVsbG8gd29ybGQ=' }] }],
  ];
  for (const [pointer, status, body] of bodies) {
    const problem = problemOf(await train(body).expect(status));
    assert.deepEqual(
      problem.errors?.map((error) => error.pointer),
      [pointer],
    );
  }
});

function importFile(name: string, file: Uint8Array) {
  return gateway.client
    .put(`/vocabularies/${name}/file`)
    .set('content-type', vocabularyMediaType)
    .serialize((bytes: unknown) => bytes as string)
    .send(Buffer.from(file));
}

async function list(): Promise<VocabularySummary[]> {
  const { body } = await gateway.client.get('/vocabularies').expect(200);
  return (body as { vocabularies: VocabularySummary[] }).vocabularies;
}
