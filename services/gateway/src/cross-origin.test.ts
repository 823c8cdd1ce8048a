import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, afterEach, before, describe, it } from 'node:test';
import type { JobQueue } from '@tessera/queue';
import { answerJobs, listen, problemOf, TestStores, type TestGateway } from './testing/test-gateway.js';
import { noisePng } from './testing/test-images.js';

const origin = 'https://app.example.org';
const key = 'a-secret-key';

let stores: TestStores;
let queue: JobQueue;
let gateway: TestGateway;

before(async () => {
  stores = await TestStores.open();
  queue = await stores.openQueue('origins');
  answerJobs(queue, stores.blobs);
});

afterEach(() => gateway.app.close());
after(() => stores.close());

async function start(settings: Record<string, string> = {}): Promise<TestGateway['client']> {
  gateway = await listen(queue, stores, settings);
  return gateway.client;
}

function preflight(client: TestGateway['client'], path: string, from = origin) {
  return client
    .options(path)
    .set('origin', from)
    .set('access-control-request-method', 'POST')
    .set('access-control-request-headers', 'authorization,content-type,prefer,idempotency-key');
}

function corsHeaders({ headers }: { headers: unknown }): string[] {
  return Object.keys(headers as object).filter((name) => name.startsWith('access-control-'));
}

describe('pages of other origins', () => {
  it('are kept out unless they are allowed', async () => {
    const client = await start();
    assert.deepEqual(corsHeaders(await client.get('/models').set('origin', origin).expect(200)), []);
    const refused = await preflight(client, '/segment').expect(204).expect('allow', 'POST, OPTIONS');
    assert.deepEqual(corsHeaders(refused), []);
  });

  it('that are allowed get a preflight answer without a key, then their answers', async () => {
    const client = await start({ TESSERA_CORS_ORIGINS: `https://other.example.org, ${origin}`, API_KEYS: key });
    for (const path of ['/segment', '/jobs/x', '/models', '/vocabularies/x/file', '/livez']) {
      const { headers } = await preflight(client, path).expect(204);
      assert.equal(headers['access-control-allow-origin'], origin);
      assert.equal(headers['access-control-allow-headers'], 'authorization,content-type,prefer,idempotency-key');
      assert.match(headers['access-control-allow-methods'] ?? '', /POST.*DELETE/);
      assert.equal(headers['access-control-max-age'], '600');
      assert.equal(headers['access-control-allow-credentials'], undefined);
      assert.match(headers.vary ?? '', /origin/i);
    }
    const answer = await client
      .post('/segment?query=dog')
      .set({ origin, authorization: `Bearer ${key}`, 'content-type': 'image/png' })
      .send(noisePng(8, 8))
      .expect(200);
    assert.equal(answer.headers['access-control-allow-origin'], origin);
    for (const name of ['location', 'retry-after', 'x-request-id', 'ratelimit', 'link', 'server-timing']) {
      assert.match(answer.headers['access-control-expose-headers'] ?? '', new RegExp(`\\b${name}\\b`));
    }
  });

  it('can read why they are refused', async () => {
    const client = await start({ TESSERA_CORS_ORIGINS: origin, API_KEYS: key, TESSERA_RATE_LIMIT_PER_MIN: '2' });
    const statuses = [401, 401, 429, 429];
    for (const status of statuses) {
      const { headers } = await client.get('/models').set('origin', origin).expect(status);
      assert.equal(headers['access-control-allow-origin'], origin);
    }
    const missing = await client.get('/nowhere').set('origin', origin).expect(404);
    assert.equal(missing.headers['access-control-allow-origin'], origin);
    // A preflight is neither limited nor counted.
    for (let index = 0; index < 5; index++) await preflight(client, '/segment').expect(204);
  });

  it('that are not on the list stay out', async () => {
    const client = await start({ TESSERA_CORS_ORIGINS: origin });
    const strangers = [
      'https://evil.example.org',
      `${origin}.evil.org`,
      'http://app.example.org',
      `${origin}:8443`,
      'null',
      origin.toUpperCase(),
    ];
    for (const stranger of strangers) {
      const answers = [
        await client.get('/models').set('origin', stranger).expect(200),
        await preflight(client, '/segment', stranger).expect(204),
      ];
      for (const { headers } of answers) assert.equal(headers['access-control-allow-origin'], undefined, stranger);
    }
  });

  it('may all come with *, still without credentials of the browser', async () => {
    const client = await start({ TESSERA_CORS_ORIGINS: '*' });
    for (const from of [origin, 'null', 'http://localhost:5173']) {
      const { headers } = await client.get('/models').set('origin', from).expect(200);
      assert.equal(headers['access-control-allow-origin'], '*');
      assert.equal(headers['access-control-allow-credentials'], undefined);
    }
  });

  it('change nothing of what paths and methods there are', async () => {
    const client = await start({ TESSERA_CORS_ORIGINS: origin });
    await client.options('/segment').expect(204).expect('allow', 'POST, OPTIONS');
    for (const request of [preflight(client, '/nowhere'), client.options('/nowhere')]) {
      const nowhere = await request.expect(404).expect('content-type', /^application\/problem\+json/);
      assert.equal(problemOf(nowhere).code, 'TSR_ROUTE_NOT_FOUND');
    }
    await client.get('/segment').expect(405);
    await client.delete('/nowhere').expect(404);
    const { body } = await client.get('/openapi.json').expect(200);
    assert.ok(!Object.keys((body as { paths: object }).paths).includes('*'));
  });
});

describe('a list of origins is refused', () => {
  for (const [given, message] of [
    ['https://App.example.org', /is https:\/\/app\.example\.org in browsers/],
    ['https://app.example.org:443', /is https:\/\/app\.example\.org in browsers/],
    ['https://app.example.org/', /TESSERA_CORS_ORIGINS/],
    ['app.example.org', /TESSERA_CORS_ORIGINS/],
    ['https://*.example.org', /TESSERA_CORS_ORIGINS/],
    ['null', /TESSERA_CORS_ORIGINS/],
  ] as const) {
    it(given, async () => {
      await assert.rejects(start({ TESSERA_CORS_ORIGINS: given }), message);
    });
  }
});

/** The answer to a request as it is written, which need not be HTTP: its status line, and its headers by their names. */
async function rawAnswer(request: string): Promise<{ status: string; headers: Map<string, string> }> {
  const socket = connect(gateway.port, '127.0.0.1');
  socket.write(request);
  const [head = ''] = (await text(socket)).split('\r\n\r\n');
  const [status = '', ...lines] = head.split('\r\n');
  const headers = lines
    .map((line) => line.split(/: (.*)/))
    .map(([name = '', value = '']) => [name.toLowerCase(), value]);
  return { status, headers: new Map(headers as [string, string][]) };
}

describe('headers for browsers', () => {
  for (const settings of [{}, { TESSERA_FRAME_ANCESTORS: 'https://a.example.org', TESSERA_HSTS_S: '60' }]) {
    it(`are with what is refused before it is a request (${Object.keys(settings).join(', ') || 'by default'})`, async () => {
      await start(settings);
      const usual = await rawAnswer('GET /nowhere HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n');
      assert.match(usual.status, / 404 /);
      const ofOneAnswer = ['x-request-id', 'content-type', 'content-length', 'date', 'connection'];
      for (const name of ofOneAnswer) usual.headers.delete(name);
      const refused = [
        ['not HTTP\r\n\r\n', 400],
        [`GET / HTTP/1.1\r\nhost: localhost\r\nx-large: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
        ['GET /%zz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n', 400],
      ] as const;
      for (const [request, expected] of refused) {
        const { status, headers } = await rawAnswer(request);
        assert.match(status, new RegExp(` ${expected} `));
        for (const name of ofOneAnswer) headers.delete(name);
        assert.deepEqual(new Map([...headers].sort()), new Map([...usual.headers].sort()), request.slice(0, 20));
      }
    });
  }

  it('are with every answer, pages and errors too', async () => {
    const client = await start();
    for (const path of ['/', '/docs/', '/livez', '/models', '/nowhere', '/jobs/x']) {
      const { headers } = await client.get(path);
      assert.equal(headers['x-content-type-options'], 'nosniff', path);
      assert.equal(headers['x-frame-options'], 'DENY', path);
      assert.equal(headers['cross-origin-resource-policy'], 'same-origin', path);
      assert.equal(headers['referrer-policy'], 'no-referrer', path);
      assert.match(headers['content-security-policy'] ?? '', /default-src .*frame-ancestors 'none'/, path);
      assert.equal(headers['strict-transport-security'], undefined, path);
    }
  });

  it('let the pages of some origins show the service in a frame', async () => {
    const client = await start({ TESSERA_FRAME_ANCESTORS: "https://app.example.org, https://*.example.com,'self'" });
    for (const path of ['/', '/docs/', '/livez', '/nowhere']) {
      const { headers } = await client.get(path);
      assert.equal(headers['x-frame-options'], undefined, path);
      const policy = headers['content-security-policy'] ?? '';
      assert.match(policy, /frame-ancestors https:\/\/app\.example\.org https:\/\/\*\.example\.com 'self'(;|$)/, path);
    }
    for (const origins of ['app.example.org', 'https://app.example.org/page', "https://a.org;script-src 'self'"])
      await assert.rejects(start({ TESSERA_FRAME_ANCESTORS: origins }), /TESSERA_FRAME_ANCESTORS/);
  });

  it('ask for https only when they should', async () => {
    const client = await start({ TESSERA_HSTS_S: '31536000' });
    for (const path of ['/', '/livez', '/nowhere']) {
      await client.get(path).expect('strict-transport-security', 'max-age=31536000');
    }
  });
});
