import assert from 'node:assert/strict';
import { execFile, spawn, type ChildProcessByStdio } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { tarOf } from './testing/test-archives.js';
import { answerJobs, listen, TestStores, until, type TestGateway } from './testing/test-gateway.js';

/** An answer that comes before the body, which is far larger than what a system buffers. */
interface Refusal {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly type: string;
  readonly status: number;
  readonly code: string;
  /** Whether the request goes to a gateway that wants an API key. */
  readonly guarded?: boolean;
}

const multipart = 'multipart/form-data; boundary=x';
const vocabulary = 'application/vnd.tessera.vocabulary';
const json = 'application/json';
const tooLarge = { status: 413, code: 'TSR_BODY_TOO_LARGE' };
const wrongType = { status: 415, code: 'TSR_MEDIA_TYPE_UNSUPPORTED' };
const refusals: readonly Refusal[] = [
  { name: 'a JSON image over the limit', method: 'POST', path: '/segment', type: json, ...tooLarge },
  { name: 'a form over the limit', method: 'POST', path: '/segment', type: multipart, ...tooLarge },
  { name: 'JSON images over the limit', method: 'POST', path: '/classify-composition', type: json, ...tooLarge },
  { name: 'a training in JSON over the limit', method: 'POST', path: '/vocabularies', type: json, ...tooLarge },
  { name: 'an archive over the limit', method: 'POST', path: '/vocabularies', type: multipart, ...tooLarge },
  { name: 'a vocabulary over the limit', method: 'PUT', path: '/vocabularies/x/file', type: vocabulary, ...tooLarge },
  { name: 'an image over the limit', method: 'POST', path: '/segment', type: 'image/jpeg', ...tooLarge },
  { name: 'an image to store over the limit', method: 'POST', path: '/images', type: 'image/jpeg', ...tooLarge },
  { name: 'a JSON image to store over the limit', method: 'POST', path: '/images', type: json, ...tooLarge },
  {
    name: 'a form with an image to store over the limit',
    method: 'POST',
    path: '/images',
    type: multipart,
    ...tooLarge,
  },
  { name: 'a sound to store', method: 'POST', path: '/images', type: 'audio/x-none', ...wrongType },
  { name: 'tasks over the limit', method: 'POST', path: '/label-studio/predict', type: json, ...tooLarge },
  { name: 'a sound as the body', method: 'POST', path: '/segment', type: 'audio/x-none', ...wrongType },
  { name: 'a picture as a training', method: 'POST', path: '/vocabularies', type: 'image/x-none', ...wrongType },
  {
    name: 'no API key',
    method: 'POST',
    path: '/segment',
    type: json,
    status: 401,
    code: 'TSR_UNAUTHORIZED',
    guarded: true,
  },
  { name: 'an unknown path', method: 'POST', path: '/nowhere', type: json, status: 404, code: 'TSR_ROUTE_NOT_FOUND' },
  { name: 'a broken path', method: 'POST', path: '/jobs/%ff', type: json, status: 400, code: 'TSR_VALIDATION' },
  { name: 'another method', method: 'PUT', path: '/segment', type: json, status: 405, code: 'TSR_METHOD_NOT_ALLOWED' },
];

const bodyBytes = 16_000_000;
const partHead = '--x\r\ncontent-disposition: form-data; name="';
const run = promisify(execFile);

let stores: TestStores;
let open: TestGateway;
let guarded: TestGateway;
let directory: string;
let files: Record<string, string>;

before(async () => {
  stores = await TestStores.open();
  const queue = await stores.openQueue('refused');
  answerJobs(queue, stores.blobs);
  const limits = { TESSERA_MAX_BODY_MB: '1', TESSERA_MAX_ARCHIVE_MB: '1' };
  open = await listen(queue, stores, limits);
  guarded = await listen(queue, stores, { ...limits, API_KEYS: 'a-secret-key' });
  directory = await mkdtemp(join(tmpdir(), 'tessera-refused-'));
  const form = `${partHead}image"; filename="x"\r\n\r\n`;
  const archive = `${partHead}name"\r\n\r\nshapes\r\n${partHead}archive"; filename="x"\r\n\r\n`;
  const tar = await tarOf([{ name: 'images/large.png', contents: Buffer.alloc(bodyBytes - 100_000) }]);
  files = {};
  for (const [name, head, tail] of [
    ['form', form, '\r\n--x--\r\n'],
    ['archive', archive + tar.subarray(0, 512).toString('latin1'), '\r\n--x--\r\n'],
    ['plain', '{"image": "', '"}'],
  ] as const) {
    const body = Buffer.alloc(bodyBytes, 'A');
    body.write(head, 0, 'latin1');
    body.write(tail, bodyBytes - tail.length, 'latin1');
    files[name] = join(directory, name);
    await writeFile(files[name], body);
  }
});

after(async () => {
  await open.app.close();
  await guarded.app.close();
  await stores.close();
  await rm(directory, { recursive: true });
});

interface Exchange {
  readonly url: string;
  readonly method: string;
  readonly type: string;
  readonly file: string;
  readonly chunked: boolean;
  /** Asked for afterwards on the same pool of connections. */
  readonly next: string;
}

/** The statuses of both answers, and the code of the first. */
interface Answers {
  readonly status: number;
  readonly code: string;
  readonly nextStatus: number;
}

function exchangeOf({ method, path, type, guarded: isGuarded }: Refusal, chunked: boolean): Exchange {
  const origin = `http://127.0.0.1:${(isGuarded === true ? guarded : open).port}`;
  const file = files[type !== multipart ? 'plain' : path === '/vocabularies' ? 'archive' : 'form'] ?? assert.fail();
  return { url: origin + path, method, type, file, chunked, next: `${origin}/livez` };
}

/** Sends the request and then another one with a Node of its own, whose connections `fetch` shares. */
async function fetchInProcess(exchange: Exchange): Promise<Answers> {
  const script = ['--input-type=module', '--eval', fetchScript, JSON.stringify(exchange)];
  const { stdout } = await run(process.execPath, script, { timeout: 60_000 });
  const [status, code = '', nextStatus] = stdout.trim().split('\n');
  return { status: Number(status), code, nextStatus: Number(nextStatus) };
}

const fetchScript = `
import { openAsBlob } from 'node:fs';
const { url, method, type, file, chunked, next } = JSON.parse(process.argv[1]);
const blob = await openAsBlob(file);
const body = chunked ? blob.stream() : await blob.arrayBuffer();
const response = await fetch(url, { method, body, duplex: 'half', headers: { 'content-type': type } });
const { code } = await response.json();
console.log([response.status, code, (await fetch(next)).status].join('\\n'));`;

/** Programs that take an exchange a line, each with a connection of its own, and print the answers as {@link Answers}. */
const requestsScript = `
import json, sys
import requests
for line in sys.stdin:
    exchange = json.loads(line)
    def parts():
        with open(exchange["file"], "rb") as file:
            while part := file.read(65536):
                yield part
    with requests.Session() as session:
        body = parts() if exchange["chunked"] else open(exchange["file"], "rb").read()
        headers = {"content-type": exchange["type"]}
        response = session.request(exchange["method"], exchange["url"], data=body, headers=headers)
        next_status = session.get(exchange["next"]).status_code
    answers = {"status": response.status_code, "code": response.json()["code"], "nextStatus": next_status}
    print(json.dumps(answers), flush=True)`;

const httpClientScript = `
import http.client, json, sys, urllib.parse
for line in sys.stdin:
    exchange = json.loads(line)
    url = urllib.parse.urlsplit(exchange["url"])
    connection = http.client.HTTPConnection(url.netloc)
    headers = {"content-type": exchange["type"]}
    if exchange["chunked"]:
        headers["transfer-encoding"] = "chunked"
    with open(exchange["file"], "rb") as file:
        body = iter(lambda: file.read(65536), b"") if exchange["chunked"] else file.read()
        connection.request(exchange["method"], url.path, body, headers, encode_chunked=exchange["chunked"])
    response = connection.getresponse()
    code = json.loads(response.read())["code"]
    connection.request("GET", urllib.parse.urlsplit(exchange["next"]).path)
    next_status = connection.getresponse().status
    connection.close()
    print(json.dumps({"status": response.status, "code": code, "nextStatus": next_status}), flush=True)`;

/** Python, started by its first exchange: a start for each would be most of the work. */
class PythonClient {
  readonly #script: string;
  #running:
    | { readonly program: ChildProcessByStdio<Writable, Readable, null>; readonly lines: AsyncIterator<string> }
    | undefined;

  constructor(script: string) {
    this.#script = script;
  }

  async exchange(exchange: Exchange): Promise<Answers> {
    this.#running ??= this.#start();
    const { program, lines } = this.#running;
    program.stdin.write(`${JSON.stringify(exchange)}\n`);
    const line = await lines.next();
    // What it failed at is in its standard error; the next exchange starts it again.
    if (line.done === true) this.#running = undefined;
    return JSON.parse(line.done === true ? assert.fail('the program has ended') : line.value) as Answers;
  }

  stop(): void {
    this.#running?.program.kill();
  }

  #start() {
    const program = spawn('python3', ['-c', this.#script], { stdio: ['pipe', 'pipe', 'inherit'] });
    return { program, lines: createInterface(program.stdout)[Symbol.asyncIterator]() };
  }
}

async function curl({ url, method, type, file, chunked, next }: Exchange): Promise<Answers> {
  const body = join(directory, 'answer');
  const upload = chunked ? ['-H', 'transfer-encoding: chunked'] : [];
  const first = ['-X', method, '-H', `content-type: ${type}`, ...upload, '--data-binary', `@${file}`, '-o', body, url];
  const status = ['-w', '%{http_code}\n'];
  const { stdout } = await run(
    'curl',
    ['-sS', ...status, ...first, '--next', '-sS', ...status, '-o', '/dev/null', next],
    {
      timeout: 60_000,
    },
  );
  const [firstStatus, nextStatus] = stdout.trim().split('\n');
  const { stdout: answer } = await run('cat', [body]);
  return {
    status: Number(firstStatus),
    code: (JSON.parse(answer) as { code: string }).code,
    nextStatus: Number(nextStatus),
  };
}

const isThere = (command: string, ...commandArguments: string[]) =>
  run(command, commandArguments).then(
    () => true,
    () => false,
  );
const hasCurl = await isThere('curl', '--version');
const hasPython = await isThere('python3', '--version');
const hasRequests = await isThere('python3', '-c', 'import requests');

const [withRequests, withHttpClient] = [new PythonClient(requestsScript), new PythonClient(httpClientScript)];
after(() => {
  for (const client of [withRequests, withHttpClient]) client.stop();
});

const clients = [
  {
    name: 'Node’s fetch',
    skip: false,
    exchange: fetchInProcess,
  },
  { name: 'curl', skip: hasCurl ? false : 'there is no curl', exchange: curl },
  {
    name: 'Python’s requests',
    skip: hasRequests ? false : 'there is no python3 with requests',
    exchange: (exchange: Exchange) => withRequests.exchange(exchange),
  },
  {
    // In contrast to the others it does not look for an answer when it can't send all of its body.
    name: 'Python’s http.client',
    skip: hasPython ? false : 'there is no python3',
    exchange: (exchange: Exchange) => withHttpClient.exchange(exchange),
  },
];

for (const client of clients) {
  describe(
    `${client.name} reads the answer and sends the next request`,
    { skip: client.skip, timeout: 300_000 },
    () => {
      for (const refusal of refusals) {
        for (const chunked of [false, true]) {
          test(`${refusal.name}${chunked ? ', in chunks' : ''}: ${refusal.status}`, async () => {
            const { status, code } = refusal;
            const answers = await client.exchange(exchangeOf(refusal, chunked));
            assert.deepEqual(answers, { status, code, nextStatus: 200 });
          });
        }
      }
    },
  );
}

/** Sends the beginning of a request whose body never ends, reads the answer, and gives the connection. */
async function refusedUpload(port: number) {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
  socket.on('error', () => undefined);
  socket.write('POST /nowhere HTTP/1.1\r\nhost: x\r\ncontent-length: 999999999999\r\n\r\n');
  await until(() => answer.includes('TSR_ROUTE_NOT_FOUND'));
  assert.match(answer, /\r\nconnection: close\r\n/i);
  return socket;
}

test('all that a refused client sends is read, without a pause', async () => {
  const head = `POST /segment HTTP/1.1\r\nhost: x\r\ncontent-type: ${json}\r\ncontent-length: ${bodyBytes}\r\n\r\n`;
  const body = Buffer.alloc(bodyBytes, 'A');
  for (let turn = 0; turn < 10; turn += 1) {
    const socket = connect({ port: open.port, host: '127.0.0.1' });
    const startedAt = performance.now();
    socket.write(head);
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.write(body, (error) => {
        if (!error) resolve();
      });
    });
    assert.ok(performance.now() - startedAt < 2_500, `turn ${turn} took ${performance.now() - startedAt} ms`);
    socket.destroy();
  }
});

const endlessForms: readonly [name: string, path: string, parts: string, status: number][] = [
  ['an image', '/images', `${partHead}image"; filename="x"\r\n\r\n`, 413],
  ['an image beside a query', '/segment', `${partHead}image"; filename="x"\r\n\r\n`, 413],
  ['a file without a name of its own', '/segment', `${partHead}other"; filename="x"\r\n\r\n`, 413],
  ['an archive by another name', '/vocabularies', `${partHead}examples"; filename="x"\r\n\r\n`, 400],
  ['no archive', '/vocabularies', `${partHead}name"\r\n\r\nx\r\n${partHead}archive"; filename="x"\r\n\r\n`, 422],
];

for (const [name, path, parts, status] of endlessForms) {
  test(`a form is refused before its end: ${name}`, async () => {
    const socket = connect({ port: open.port, host: '127.0.0.1' });
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    // A little more than the files may have, which only counting shows.
    const length = 'content-length: 4900000';
    socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: ${multipart}\r\n${length}\r\n\r\n${parts}`);
    const piece = Buffer.alloc(1_000_000, 'A');
    let sent = 0;
    while (answer === '' && sent < 2 * bodyBytes) {
      await new Promise((resolve) => socket.write(piece, resolve));
      sent += piece.length;
    }
    socket.destroy();
    assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `));
  });
}

test('a form whose length says that it is too large is refused before any of it has come', async () => {
  const socket = connect({ port: open.port, host: '127.0.0.1' });
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
  const length = 'content-length: 200000000';
  socket.write(`POST /segment HTTP/1.1\r\nhost: x\r\ncontent-type: ${multipart}\r\n${length}\r\n\r\n`);
  await until(() => answer.includes('\r\n\r\n'));
  socket.destroy();
  assert.match(answer, /^HTTP\/1.1 413 .*TSR_BODY_TOO_LARGE/s);
});

test('what follows a refused body on its connection is no request', async () => {
  const socket = await refusedUpload(open.port);
  let more = '';
  socket.on('data', (chunk: Buffer) => (more += chunk.toString('latin1')));
  socket.end('GET /livez HTTP/1.1\r\nhost: x\r\n\r\n');
  await until(() => socket.closed);
  assert.equal(more, '');
});

test('a gateway that closes does not wait for refused clients', async () => {
  const closing = await listen(await stores.openQueue('refused-closing'), stores);
  const socket = await refusedUpload(closing.port);
  const startedAt = performance.now();
  await closing.app.close();
  assert.ok(performance.now() - startedAt < 2_500);
  socket.destroy();
});

test('a small refused body leaves the connection open', async () => {
  const body = JSON.stringify({ image: 'x' });
  const response = await fetch(`http://127.0.0.1:${open.port}/nowhere`, { method: 'POST', body });
  assert.equal(response.status, 404);
  assert.equal(response.headers.get('connection'), 'keep-alive');
});
