import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { JobQueue } from '@tessera/queue';
import { answerJobs, listen, problemOf, TestStores, until, type TestGateway } from './testing/test-gateway.js';
import { noisePng } from './testing/test-images.js';

const png = noisePng(8, 8);
const image = png.toString('base64');

let stores: TestStores;
let queue: JobQueue;
let gateway: TestGateway;

before(async () => {
  stores = await TestStores.open();
  queue = await stores.openQueue('hostile');
  answerJobs(queue, stores.blobs);
  gateway = await listen(queue, stores, { TESSERA_MAX_BODY_MB: '1' });
});

after(async () => {
  await gateway.app.close();
  await stores.close();
});

const invalidBodies: [name: string, body: unknown, pointers: string[]][] = [
  ['no fields', {}, ['/image']],
  ['an array', [], ['']],
  ['null', null, ['']],
  ['an unknown field', { image, query: 'x', treshold: 0.5 }, ['/treshold']],
  ['an unknown nested field', { image, query: 'x', output: { fromat: 'rle' } }, ['/output/fromat']],
  ['no question', { image }, ['/query', '/queries', '/prompts']],
  ['both query and queries', { image, query: 'x', queries: ['y'] }, ['/query', '/queries']],
  ['an empty query', { image, query: '' }, ['/query']],
  ['a blank query', { image, query: ' \t\n' }, ['/query']],
  ['a query of 513 characters', { image, query: 'é'.repeat(513) }, ['/query']],
  ['a number for a query', { image, query: 7 }, ['/query']],
  ['no queries', { image, queries: [] }, ['/queries']],
  ['17 queries', { image, queries: Array(17).fill('x') }, ['/queries']],
  ['a blank one among the queries', { image, queries: ['x', ' '] }, ['/queries/1']],
  ['a number for an image', { image: 7, query: 'x' }, ['/image']],
  ['an id that is a path', { image: { id: '../../etc/passwd' }, query: 'x' }, ['/image/id']],
  ['an id with a line break', { image: { id: `sha256:${'0'.repeat(64)}\n` }, query: 'x' }, ['/image/id']],
  ['an unknown format', { image, query: 'x', output: { format: 'bmp' } }, ['/output/format']],
  ['a text for a number', { image, query: 'x', threshold: '0.5' }, ['/threshold']],
  ['a threshold above one', { image, query: 'x', threshold: 1.5 }, ['/threshold']],
  ['a text for a boolean', { image, query: 'x', refine: 'false' }, ['/refine']],
  ['a reduction without mode', { image, query: 'x', pruning: { reduction: 0.5 } }, ['/pruning/mode']],
  ['null for an option', { image, query: 'x', model: null }, ['/model']],
  ['no prompts', { image, prompts: [] }, ['/prompts']],
  ['33 prompts', { image, prompts: Array(33).fill({ box: [0, 0, 1, 1] }) }, ['/prompts']],
  ['an object for prompts', { image, prompts: { box: [0, 0, 1, 1] } }, ['/prompts']],
  ['an empty prompt', { image, prompts: [{}] }, ['/prompts/0']],
  ['an unknown field of a prompt', { image, prompts: [{ bbox: [0, 0, 1, 1] }] }, ['/prompts/0/bbox']],
  ['a box of three numbers', { image, prompts: [{ box: [0, 0, 1] }] }, ['/prompts/0/box']],
  ['a box of five numbers', { image, prompts: [{ box: [0, 0, 1, 1, 1] }] }, ['/prompts/0/box']],
  ['a box without width', { image, prompts: [{ box: [0, 0, 0, 1] }] }, ['/prompts/0/box/2']],
  ['a box of negative height', { image, prompts: [{ box: [0, 0, 1, -1] }] }, ['/prompts/0/box/3']],
  ['a box left of the image', { image, prompts: [{ box: [-1, 0, 1, 1] }] }, ['/prompts/0/box/0']],
  ['null in a box', { image, prompts: [{ box: [0, 0, 1, NaN] }] }, ['/prompts/0/box/3']],
  ['texts in a box', { image, prompts: [{ box: ['0', 0, 1, 1] }] }, ['/prompts/0/box/0']],
  ['no points', { image, prompts: [{ points: [] }] }, ['/prompts/0/points']],
  ['65 points', { image, prompts: [{ points: Array(65).fill({ x: 1, y: 1, label: 1 }) }] }, ['/prompts/0/points']],
  ['a point above the image', { image, prompts: [{ points: [{ x: 1, y: -1, label: 1 }] }] }, ['/prompts/0/points/0/y']],
  ['a label of 2', { image, prompts: [{ points: [{ x: 1, y: 1, label: 2 }] }] }, ['/prompts/0/points/0/label']],
  ['a point without label', { image, prompts: [{ points: [{ x: 1, y: 1 }] }] }, ['/prompts/0/points/0/label']],
  ['no point on the object', { image, prompts: [{ points: [{ x: 1, y: 1, label: 0 }] }] }, ['/prompts/0/points']],
  ['prompts and two queries', { image, queries: ['x', 'y'], prompts: [{ box: [0, 0, 1, 1] }] }, ['/queries']],
  [
    'options of queries for prompts',
    { image, prompts: [{ box: [0, 0, 1, 1] }], pruning: { mode: 'csp' }, output: { token_map: true } },
    ['/pruning', '/output/token_map'],
  ],
  ['coarse masks of prompts', { image, prompts: [{ box: [0, 0, 1, 1] }], refine: false }, ['/refine']],
];

for (const [name, body, pointers] of invalidBodies) {
  test(`a body with ${name} is refused with pointers`, async () => {
    const response = await gateway.client.post('/segment').type('json').send(JSON.stringify(body)).expect(400);
    const problem = problemOf(response);
    assert.match(response.headers['content-type'] ?? '', /^application\/problem\+json/);
    assert.equal(problem.code, 'TSR_VALIDATION');
    assert.equal(problem.request_id, response.headers['x-request-id']);
    assert.deepEqual(
      problem.errors?.map((error) => error.pointer),
      pointers,
    );
  });
}

test('JSON that would take far more memory than its text is refused before it is parsed', async () => {
  const { app, client } = await listen(queue, stores);
  const lists = `{"image": [${'[],'.repeat(500_000)}[]]}`;
  const objects = `{"image": [${'{},'.repeat(250_000)}${'[],'.repeat(250_000)}[]]}`;
  for (const path of ['/segment', '/classify-composition', '/v2/models/tessera-mini/infer']) {
    for (const body of [lists, objects]) {
      const problem = problemOf(await client.post(path).type('json').send(body).expect(413));
      assert.match(`${problem.code} ${problem.detail}`, /^TSR_BODY_TOO_LARGE .* lists and objects/);
    }
  }
  const numbers = `{"tasks": [${'0,'.repeat(4_000_000)}0], "label_config": ""}`;
  for (const path of ['/segment', '/label-studio/predict']) {
    const problem = problemOf(await client.post(path).type('json').send(numbers).expect(413));
    assert.match(`${problem.code} ${problem.detail}`, /^TSR_BODY_TOO_LARGE .* values/);
  }
  // As many candidates as a classification may have.
  const pairs = `{"pairs": [${`[${'"a",'.repeat(8)}"b"],`.repeat(299_999)}["a","b"]]}`;
  const problem = problemOf(await client.post('/classify-composition').type('json').send(pairs).expect(400));
  assert.doesNotMatch(problem.detail, /pairs/);
  await app.close();
});

test('an empty prompt, and a part of a form without a name, are explained in words', async () => {
  const body = { image, prompts: [{ box: [0, 0, 1, 1] }, {}] };
  const problem = problemOf(await gateway.client.post('/segment').send(body).expect(400));
  assert.deepEqual(problem.errors, [{ pointer: '/prompts/1', message: 'must have a box, points, or both' }]);
  for (const path of ['/segment', '/images', '/vocabularies']) {
    for (const rest of ['', '; filename="a.png"']) {
      const form = `--x\r\ncontent-disposition: form-data${rest}\r\n\r\ncat\r\n--x--\r\n`;
      const sent = gateway.client.post(path).type('multipart/form-data; boundary=x').send(form);
      const { code, detail } = problemOf(await sent.expect(400));
      assert.deepEqual([code, detail], ['TSR_BODY_INVALID', 'A part of the form has no name.'], `${path}${rest}`);
    }
  }
});

test('numbers of prompts beyond what a computer holds are refused', async () => {
  const body = `{"image": "${image}", "prompts": [{"box": [0, 0, 1e999, 1]}]}`;
  const problem = problemOf(await gateway.client.post('/segment').type('json').send(body).expect(400));
  assert.deepEqual(
    problem.errors?.map(({ pointer }) => pointer),
    ['/prompts/0/box/2'],
  );
});

for (const [path, field, text] of [
  ['/segment', 'prompts', '[{"box": [0, 0, NaN, 1]}]'],
  ['/segment', 'output', 'rle'],
  ['/segment', 'image', '{"id":'],
  ['/classify-composition', 'vocabulary', '{"attributes": [red]}'],
  ['/classify-composition', 'pairs', 'red'],
] as const) {
  test(`${text} is not the JSON of the form field ${field}`, async () => {
    const problem = problemOf(await gateway.client.post(path).field(field, text).expect(400));
    assert.equal(problem.code, 'TSR_VALIDATION');
    assert.deepEqual(problem.errors, [{ pointer: `/${field}`, message: 'is not valid JSON' }]);
  });
}

test('an image in another form is answered with the right ones', async () => {
  const ask = async (source: unknown) =>
    problemOf(await gateway.client.post('/segment').send({ image: source, query: 'x' }).expect(400));
  for (const [source, pointer, message] of [
    [{ base64: image }, '/image/base64', /"url".*"id"/],
    [{}, '/image', /"url".*"id"/],
    [{ url: 'https://example.com/', id: `sha256:${'0'.repeat(64)}` }, '/image', /must have one field/],
    [{ url: 7 }, '/image/url', /string/],
    [{ url: 'file:///etc/passwd' }, '/image/url', /pattern/],
  ] as const) {
    const [error, ...others] = (await ask(source)).errors ?? [];
    assert.deepEqual([error?.pointer, others], [pointer, []]);
    assert.match(error?.message ?? '', message);
  }
  const short = await ask('sha256:abc');
  assert.equal(short.code, 'TSR_IMAGE_SOURCE_INVALID');
  assert.match(short.detail, /64 hexadecimal digits/);
});

const brokenForms: [fields: [name: string, text: string][], pointer: string, message: RegExp][] = [
  [[['queries', '["cat", dog]']], '/queries', /JSON, or the field repeated/],
  [[['queries', '["cat", "a\\u0000"]']], '/queries/1', /NUL/],
  [[['queries', '[]']], '/queries', /fewer than 1/],
  [[['queries', '["cat", ["dog"]]']], '/queries/1', /string/],
  [
    [
      ['query', 'cat'],
      ['query', 'dog'],
      ['queries', 'cow'],
    ],
    '/query',
    /exactly one of query and queries/,
  ],
  [
    [
      ['query', 'cat'],
      ['model', 'a'],
      ['model', 'b'],
    ],
    '/model',
    /must be given once/,
  ],
];

for (const [fields, pointer, message] of brokenForms) {
  test(`the form fields ${fields.join(' and ')} are refused`, async () => {
    const form = gateway.client.post('/segment').field('image', image);
    for (const [name, text] of fields) void form.field(name, text);
    const problem = problemOf(await form.expect(400));
    assert.equal(problem.code, 'TSR_VALIDATION');
    assert.equal(problem.errors?.[0]?.pointer, pointer);
    assert.match(problem.errors[0].message, message);
  });
}

const brokenBodies: [name: string, type: string, body: string | Buffer, status: number, code: string][] = [
  ['malformed JSON', 'application/json', '{"image":', 400, 'TSR_BODY_INVALID'],
  ['no JSON at all', 'application/json', '', 400, 'TSR_BODY_INVALID'],
  ['__proto__', 'application/json', '{"__proto__": {"query": "x"}}', 400, 'TSR_BODY_INVALID'],
  ['a constructor', 'application/json', '{"constructor": {"prototype": {"query": "x"}}}', 400, 'TSR_BODY_INVALID'],
  ['100 000 nested arrays', 'application/json', '['.repeat(100_000) + ']'.repeat(100_000), 400, 'TSR_BODY_INVALID'],
  ['plain text', 'text/plain', 'x', 415, 'TSR_MEDIA_TYPE_UNSUPPORTED'],
  ['XML', 'application/xml', '<x/>', 415, 'TSR_MEDIA_TYPE_UNSUPPORTED'],
  ['an unusable content type', 'application', 'x', 415, 'TSR_MEDIA_TYPE_UNSUPPORTED'],
  ['a URL-encoded form', 'application/x-www-form-urlencoded', 'query=x', 415, 'TSR_MEDIA_TYPE_UNSUPPORTED'],
  ['more than a megabyte', 'application/json', `{"image":"${'A'.repeat(1_000_001)}"}`, 413, 'TSR_BODY_TOO_LARGE'],
  ['a form without boundary', 'multipart/form-data', 'x', 400, 'TSR_BODY_INVALID'],
  ['a form that ends early', 'multipart/form-data; boundary=x', '--x\r\n', 400, 'TSR_BODY_INVALID'],
  ['a form that is none', 'multipart/form-data; boundary=x', 'nothing', 400, 'TSR_BODY_INVALID'],
];

for (const [name, type, body, status, code] of brokenBodies) {
  test(`${name} is answered ${status}`, async () => {
    const response = await gateway.client
      .post('/segment')
      .set('content-type', type)
      .serialize((text: unknown) => text as string)
      .send(body);
    assert.equal(problemOf(response).code, code);
    assert.equal(response.status, status);
  });
}

test('a body above the limit is refused with the limit', async () => {
  for (const type of ['application/json', 'image/jpeg']) {
    const response = await gateway.client
      .post('/segment')
      .set('content-type', type)
      .serialize((bytes: unknown) => bytes as string)
      .send('A'.repeat(1_000_001));
    assert.equal(problemOf(response).detail, 'The body is larger than 1 megabytes.', type);
  }
});

test('a compressed body is refused by its content encoding', async () => {
  const response = await gateway.client
    .post('/segment')
    .set('content-type', 'application/json')
    .set('content-encoding', 'gzip')
    .serialize((bytes: unknown) => bytes as string)
    .send(gzipSync(JSON.stringify({ image, query: 'x' })))
    .expect(415);
  assert.equal(problemOf(response).code, 'TSR_MEDIA_TYPE_UNSUPPORTED');
});

const badImages: [name: string, image: string, status: number, code: string][] = [
  ['not base64', '$$$', 400, 'TSR_IMAGE_SOURCE_INVALID'],
  ['a file URL', 'file:///etc/passwd', 400, 'TSR_IMAGE_SOURCE_INVALID'],
  ['a URL into this machine', 'https://127.0.0.1/x.png', 403, 'TSR_IMAGE_URL_FORBIDDEN'],
  ['a plain http URL', 'http://example.org/x.png', 403, 'TSR_IMAGE_URL_FORBIDDEN'],
  ['bytes that are no image', Buffer.from('hello world').toString('base64'), 415, 'TSR_IMAGE_FORMAT_UNSUPPORTED'],
  ['a header alone', png.subarray(0, 12).toString('base64'), 422, 'TSR_IMAGE_CORRUPT'],
];

for (const [name, source, status, code] of badImages) {
  test(`an image that is ${name} is answered ${status}`, async () => {
    const response = await gateway.client.post('/segment').send({ image: source, query: 'x' });
    assert.equal(problemOf(response).code, code);
    assert.equal(response.status, status);
  });
}

test('an image with too many pixels is refused by its header', async () => {
  const header = noisePng(1, 1);
  header.writeUInt32BE(20_000, 16);
  header.writeUInt32BE(20_000, 20);
  const response = await gateway.client.post('/segment').send({ image: header.toString('base64'), query: 'x' });
  // The checksum no longer fits, so that it may count as damaged as well; it never reaches a decoder.
  assert.match(problemOf(response).code, /^TSR_IMAGE_(TOO_LARGE|CORRUPT)$/);
});

test('a form with two images, a foreign file or foreign fields is refused with pointers', async () => {
  const response = await gateway.client
    .post('/segment')
    .attach('image', png, 'one.png')
    .attach('image', png, 'two.png')
    .attach('mask', png, 'mask.png')
    .field('options', '{"query": "x"}')
    .field('query', 'x')
    .expect(400);
  assert.deepEqual(
    problemOf(response)
      .errors?.map((error) => error.pointer)
      .sort(),
    ['/image', '/mask', '/options/query'],
  );
});

test('form fields that do not convert are refused by the same schema as JSON', async () => {
  const fields = { threshold: 'high', refine: 'yes', pruning: '[1]', nonsense: '1' };
  for (const [name, value] of Object.entries(fields)) {
    const response = await gateway.client
      .post('/segment')
      .attach('image', png, 'one.png')
      .field('query', 'x')
      .field(name, value)
      .expect(400);
    assert.deepEqual(
      problemOf(response).errors?.map((error) => error.pointer),
      [`/${name}`],
    );
  }
});

test('a form with a file above the limit, too many fields or a reserved name is refused', async () => {
  const large = await gateway.client.post('/segment').attach('image', Buffer.alloc(1_100_000), 'x').field('query', 'x');
  assert.equal(problemOf(large).code, 'TSR_BODY_TOO_LARGE');
  assert.equal(problemOf(large).detail, 'The file is larger than 1 megabytes.');

  const many = gateway.client.post('/segment');
  for (let index = 0; index < 60; index++) void many.field(`field${index}`, 'x');
  assert.equal(problemOf(await many).code, 'TSR_BODY_INVALID');

  const reserved = await gateway.client.post('/segment').field('__proto__', 'x').expect(400);
  assert.equal(problemOf(reserved).code, 'TSR_BODY_INVALID');
});

for (const id of ['..%2f..%2fetc%2fpasswd', 'a%0d%0ax-evil:1', 'x'.repeat(150), '%F0%9F%90%95', '1', 'a:b']) {
  test(`the job id ${id.slice(0, 24)} is not found`, async () => {
    for (const method of ['get', 'delete'] as const) {
      const response = await gateway.client[method](`/jobs/${id}`).expect(404);
      assert.equal(problemOf(response).code, 'TSR_JOB_NOT_FOUND');
      assert.equal(response.headers['x-evil'], undefined);
    }
  });
}

test('a path that is no path and one that is too long are problems as well', async () => {
  assert.equal(problemOf(await gateway.client.get('/jobs/%zz').expect(400)).code, 'TSR_VALIDATION');
  assert.equal(problemOf(await gateway.client.get(`/jobs/${'x'.repeat(300)}`).expect(404)).code, 'TSR_ROUTE_NOT_FOUND');
  assert.equal(problemOf(await gateway.client.get('/nowhere?x=1').expect(404)).code, 'TSR_ROUTE_NOT_FOUND');
});

test('headers that do not match are named', async () => {
  const body = { image, query: 'x' };
  const priority = await gateway.client.post('/segment').set('x-priority', 'urgent').send(body).expect(400);
  assert.match(problemOf(priority).detail, /x-priority must be one of high, normal, low/);
  const deadline = await gateway.client.post('/segment').set('x-deadline-ms', '-5').send(body).expect(400);
  assert.match(problemOf(deadline).detail, /x-deadline-ms/);
});

test('a sane request id is kept, others are replaced', async () => {
  const kept = await gateway.client.get('/livez').set('x-request-id', 'trace-1.A_b');
  assert.equal(kept.headers['x-request-id'], 'trace-1.A_b');
  for (const id of ['a b', 'x'.repeat(65), '<script>', '']) {
    const replaced = await gateway.client.get('/nowhere').set('x-request-id', id);
    assert.match(problemOf(replaced).request_id ?? '', /^[\da-f-]{36}$/);
  }
});

test('methods that a route does not serve are answered 405 with the ones it does', async () => {
  for (const method of ['get', 'put', 'patch', 'delete', 'head'] as const) {
    const response = await gateway.client[method]('/segment').expect(405);
    assert.equal(response.headers.allow, 'POST, OPTIONS');
  }
  const trace = await gateway.client.trace('/jobs/x').expect(405);
  assert.equal(trace.headers.allow, 'GET, HEAD, DELETE, OPTIONS');
  const options = await gateway.client.options('/segment').expect(204);
  assert.equal(options.headers.allow, 'POST, OPTIONS');
  await gateway.client.head('/livez').expect(200);
});

test('an upload that breaks off leaves the gateway as it was', async () => {
  for (const type of ['application/json', 'multipart/form-data; boundary=x']) {
    const socket = connect(gateway.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(
      `POST /segment HTTP/1.1\r\nhost: x\r\ncontent-type: ${type}\r\ncontent-length: 500000\r\n\r\n{"image": "`,
    );
    socket.write('--x\r\ncontent-disposition: form-data; name="image"; filename="x"\r\n\r\nbytes');
    await delay(100);
    socket.destroy();
  }
  await gateway.client.post('/segment').send({ image, query: 'x' }).expect(200);
  await until(async () => (await gateway.client.get('/metrics')).text.includes('tessera_http_waiting_requests 0'));
});

test('of uploads that would fill the memory together one is refused at once, and the others go on', async () => {
  const head = 'POST /segment HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 999999\r\n\r\n';
  // Eight of the largest bodies fit in.
  const sockets = Array.from({ length: 9 }, () => connect(gateway.port, '127.0.0.1'));
  const answers: string[] = [];
  try {
    for (const socket of sockets) {
      socket.on('error', () => undefined);
      socket.on('data', (chunk: Buffer) => answers.push(chunk.toString('utf8')));
      socket.write(`${head}{"image": "${'A'.repeat(980_000)}`);
    }
    await until(() => answers.length > 0);
    await gateway.client.post('/segment').send({ image, query: 'x' }).expect(200);
    assert.equal(answers.length, 1);
    assert.match(answers[0] ?? '', /^HTTP\/1\.1 429 .*retry-after: 2\r\n.*"code":"TSR_QUEUE_FULL"/s);
  } finally {
    for (const socket of sockets) socket.destroy();
  }
});

test('a request that never ends is given up', async () => {
  const impatient = await listen(queue, stores);
  impatient.app.server.requestTimeout = 200;
  try {
    const answer = await exchange(impatient.port, 'POST /segment HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n');
    assert.match(answer, /^HTTP\/1\.1 408 .*"code":"TSR_REQUEST_TIMEOUT"/s);
  } finally {
    await impatient.app.close();
  }
});

test('what is no HTTP is answered with a problem too', async () => {
  const answers = {
    'NONSENSE\r\n\r\n': /^HTTP\/1\.1 400 .*"code":"TSR_VALIDATION"/s,
    [`GET /livez HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`]: /^HTTP\/1\.1 431 .*TSR_HEADERS_TOO_LARGE/s,
    'GET /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n': /^HTTP\/1\.1 400 /,
  };
  for (const [text, expected] of Object.entries(answers)) {
    assert.match(await exchange(gateway.port, text), expected);
  }
});

const question = JSON.stringify({ image, query: 'x' });
const post = (headers: string[], body = question) =>
  ['POST /segment HTTP/1.1', 'host: x', 'connection: close', `content-length: ${Buffer.byteLength(body)}`, ...headers]
    .concat('', body)
    .join('\r\n');
const get = (path: string, ...headers: string[]) =>
  [`GET ${path} HTTP/1.1`, 'host: x', 'connection: close', ...headers, '', ''].join('\r\n');
const json = 'content-type: application/json';

const rawRequests: [name: string, text: string, expected: RegExp][] = [
  ['two lengths', post([json, 'content-length: 1']), /^HTTP\/1\.1 400 .*"TSR_VALIDATION"/s],
  ['a length that is no number', post([json, 'content-length: x']), /^HTTP\/1\.1 400 /],
  ['two content types', post([json, 'content-type: text/plain']), /^HTTP\/1\.1 200 /],
  ['two hosts', get('/livez', 'host: y'), /^HTTP\/1\.1 (200|400) /],
  [
    'no host',
    'GET /livez HTTP/1.1\r\nconnection: close\r\n\r\n',
    /^HTTP\/1\.1 400 .*no host header.*"TSR_VALIDATION"/s,
  ],
  ['no host of HTTP/1.0', 'GET /livez HTTP/1.0\r\n\r\n', /^HTTP\/1\.1 200 /],
  ['an empty host', 'GET /livez HTTP/1.1\r\nhost:\r\nconnection: close\r\n\r\n', /^HTTP\/1\.1 200 /],
  ['no host and no route', 'GET /x HTTP/1.1\r\nconnection: close\r\n\r\n', /^HTTP\/1\.1 400 .*no host/s],
  ['two request ids', get('/livez', 'x-request-id: a', 'x-request-id: b'), /^HTTP\/1\.1 200 /],
  ['two preferences', post([json, 'prefer: wait=x', 'prefer: respond-async']), /^HTTP\/1\.1 202 /],
  ['two priorities', post([json, 'x-priority: low', 'x-priority: high']), /^HTTP\/1\.1 400 .*x-priority/s],
  ['two deadlines', post([json, 'x-deadline-ms: 1', 'x-deadline-ms: 2']), /^HTTP\/1\.1 400 .*x-deadline-ms/s],
  ['an expectation of 100', post([json, 'expect: 100-continue']), /^HTTP\/1\.1 100 .*HTTP\/1\.1 200 /s],
  [
    'another expectation',
    post([json, 'expect: the worst']),
    /^HTTP\/1\.1 417 .*problem\+json.*"TSR_EXPECTATION_FAILED"/s,
  ],
  ['an expectation without a body', get('/livez', 'expect: 200-ok'), /^HTTP\/1\.1 417 .*"TSR_EXPECTATION_FAILED"/s],
  ['HEAD', get('/jobs/x').replace('GET', 'HEAD'), /^HTTP\/1\.1 404 .*\r\n\r\n$/s],
  ['OPTIONS', get('/jobs/x').replace('GET', 'OPTIONS'), /^HTTP\/1\.1 204 .*allow: GET, HEAD, DELETE, OPTIONS/s],
  ['OPTIONS of everything', get('*').replace('GET', 'OPTIONS'), /^HTTP\/1\.1 204 /],
  ['a method that does not exist', get('/livez').replace('GET', 'FETCH'), /^HTTP\/1\.1 400 /],
  ['CONNECT', get('x:1').replace('GET', 'CONNECT'), /^(HTTP\/1\.1 4\d\d |$)/],
  ...['%', '%zz', '%2', '%c3%28', '%ff', '%u0041'].map((id): [string, string, RegExp] => [
    `the path escape ${id}`,
    get(`/jobs/${id}`),
    /^HTTP\/1\.1 400 .*"TSR_VALIDATION"/s,
  ]),
  ['a NUL in a path', get('/jobs/%00'), /^HTTP\/1\.1 400 .*"TSR_VALIDATION"/s],
  ['a broken escape of a query string', get('/livez?x=%zz'), /^HTTP\/1\.1 200 /],
  ...['', ',;=', 'wait', 'wait=-1', 'wait=1e9', 'wait=0x10', 'wait="', 'respond-async=no;;'].map(
    (text): [string, string, RegExp] => [
      `the preference "${text}"`,
      post([json, `prefer: ${text}`]),
      /^HTTP\/1\.1 200 /,
    ],
  ),
  ...['', '-1', '1.5', '1e3', '0', ' ', 'x', '9999999999', '0x10'].map((text): [string, string, RegExp] => [
    `the deadline "${text}"`,
    post([json, `x-deadline-ms: ${text}`]),
    /^HTTP\/1\.1 400 .*x-deadline-ms/s,
  ]),
  ...['', '-1', 'x', '1e3', '9'.repeat(400), '\u00ff'].map((text): [string, string, RegExp] => [
    `the last event id "${text.slice(0, 8)}"`,
    get('/jobs/x/events', `last-event-id: ${text}`),
    /^HTTP\/1\.1 404 .*"TSR_JOB_NOT_FOUND"/s,
  ]),
];

for (const [name, text, expected] of rawRequests) {
  test(`${name} of a raw request is answered as it should be`, async () => {
    assert.match(await exchange(gateway.port, text), expected);
  });
}

/** Everything that the server sends until it closes the connection. */
async function exchange(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(text);
  let received = '';
  for await (const chunk of socket as AsyncIterable<Buffer>) received += chunk.toString('utf8');
  return received;
}
