import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import type { JobQueue } from '@tessera/queue';
import { RedisServer, redisSkipReason } from '@tessera/runtime/testing';
import { pino } from 'pino';
import { listen, problemOf, TestStores, until, type TestGateway } from './testing/test-gateway.js';
import { noisePng } from './testing/test-images.js';

let stores: TestStores;
let queue: JobQueue;
let directory: string;
let gateways: TestGateway[] = [];
let log: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tessera-rate-limit-'));
  stores = await TestStores.open();
  queue = await stores.openQueue('limits');
});

afterEach(async () => {
  await Promise.all(gateways.map(({ app }) => app.close()));
  gateways = [];
});

after(async () => {
  await stores.close();
  await rm(directory, { recursive: true });
});

async function start(settings: Record<string, string>): Promise<TestGateway> {
  log = '';
  const logger = pino({ level: 'warn' }, { write: (line: string) => (log += line) });
  const gateway = await listen(queue, stores, settings, logger);
  gateways.push(gateway);
  return gateway;
}

/** Statuses of requests that are sent at the same time, to the gateways in turns. */
async function statusesOf(
  count: number,
  targets: readonly TestGateway[],
  headers: Record<string, string> = {},
): Promise<Record<number, number>> {
  const statuses = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const response = await fetch(`http://127.0.0.1:${targets[index % targets.length]?.port}/models`, { headers });
      await response.arrayBuffer();
      return response.status;
    }),
  );
  const counts: Record<number, number> = {};
  for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

async function keyFile(...keys: readonly [name: string, key: string, limit?: number][]): Promise<string> {
  const file = join(directory, 'keys.json');
  const entries = keys.map(([name, key, limit]) => {
    return { name, sha256: createHash('sha256').update(key).digest('hex'), rate_limit: limit };
  });
  await writeFile(file, JSON.stringify({ keys: entries }));
  return file;
}

describe('without a limit', () => {
  it('nothing is limited, and no header says otherwise', async () => {
    const gateway = await start({});
    assert.deepEqual(await statusesOf(100, [gateway]), { 200: 100 });
    const { headers } = await gateway.client.get('/models');
    assert.deepEqual(
      Object.keys(headers as object).filter((name) => name.includes('ratelimit')),
      [],
    );
  });
});

describe('a trusted proxy', () => {
  for (const given of ['999.1.1.1', 'abc', '10.0.0.0/0', '::/0', '10.0.0.0/33', '2001:db8::/129']) {
    it(`is not ${given}`, async () => {
      await assert.rejects(start({ TRUST_PROXY: given }), /^ConfigError: TRUST_PROXY: .* is neither/);
    });
  }
});

/** Where requests are counted. */
interface Place {
  readonly settings: () => Record<string, string>;
  readonly forget: () => Promise<void>;
}

function limits({ settings, forget }: Place): void {
  it('lets exactly 50 of 200 requests at once pass', async () => {
    await forget();
    const gateway = await start({ ...settings(), TESSERA_RATE_LIMIT_PER_MIN: '50' });
    assert.deepEqual(await statusesOf(200, [gateway]), { 200: 50, 429: 150 });
  });

  it('answers 429 as a problem that says when to come back', async () => {
    await forget();
    const { client } = await start({ ...settings(), TESSERA_RATE_LIMIT_PER_MIN: '2' });
    const first = await client.get('/models').expect(200);
    assert.equal(first.headers['ratelimit-policy'], '"address";q=2;w=60');
    assert.match(first.headers.ratelimit ?? '', /^"address";r=1;t=(59|60)$/);
    await client.get('/jobs/x').expect(404);
    const refused = await client
      .get('/models')
      .expect(429)
      .expect('content-type', /^application\/problem\+json/);
    assert.equal(problemOf(refused).code, 'TSR_RATE_LIMITED');
    assert.match(problemOf(refused).detail, /more than 2 requests/);
    assert.match(refused.headers.ratelimit ?? '', /^"address";r=0;t=\d+$/);
    const seconds = Number(refused.headers['retry-after']);
    assert.ok(seconds > 50 && seconds <= 60, `${seconds}`);
    // Before the body is read, whole and readable for the client.
    const image = noisePng(200, 200);
    await client.post('/segment?query=dog').set('content-type', 'image/png').send(image).expect(429);
    for (const path of ['/', '/livez', '/docs/', '/openapi.json', '/metrics', '/label-studio/health']) {
      await client.get(path).expect(200);
    }
    await client.get('/readyz').expect(503);
  });

  it('counts each key for itself, by its own limit, and strangers by their address', async () => {
    await forget();
    const file = await keyFile(['alice', 'key-of-alice', 5], ['bob', 'key-of-bob']);
    const gateway = await start({ ...settings(), TESSERA_RATE_LIMIT_PER_MIN: '20', API_KEYS_FILE: file });
    assert.deepEqual(await statusesOf(30, [gateway], bearer('wrong-key')), { 401: 20, 429: 10 });
    assert.deepEqual(await statusesOf(10, [gateway], bearer('key-of-alice')), { 200: 5, 429: 5 });
    assert.deepEqual(await statusesOf(30, [gateway], bearer('key-of-bob')), { 200: 20, 429: 10 });
    // Another form of the same key is the same key.
    await gateway.client.post('/label-studio/setup').auth('anyone', 'key-of-bob').send({}).expect(429);
    const { headers } = await gateway.client.get('/models').set(bearer('key-of-alice'));
    assert.equal(headers['ratelimit-policy'], '"key";q=5;w=60');
  });

  it('follows the limits of the file', async () => {
    await forget();
    const file = await keyFile(['alice', 'key-of-alice']);
    const { client } = await start({ ...settings(), API_KEYS_FILE: file });
    for (let index = 0; index < 5; index++) await client.get('/models').set(bearer('key-of-alice')).expect(200);
    await keyFile(['alice', 'key-of-alice', 1]);
    await until(async () => (await client.get('/models').set(bearer('key-of-alice'))).status === 429);
  });

  it('believes x-forwarded-for of a trusted proxy alone', async () => {
    await forget();
    const from = (address: string) => ({ 'x-forwarded-for': address });
    const open = await start({ ...settings(), TESSERA_RATE_LIMIT_PER_MIN: '3' });
    for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) {
      await open.client.get('/models').set(from(address)).expect(200);
    }
    await open.client.get('/models').set(from('192.0.2.4')).expect(429);

    await forget();
    const trusting = { ...settings(), TESSERA_RATE_LIMIT_PER_MIN: '3', TRUST_PROXY: '127.0.0.1, ::1' };
    const { client } = await start(trusting);
    for (const given of ['192.0.2.1', '192.0.2.1:4711', '198.51.100.7, 192.0.2.1']) {
      await client.get('/models').set(from(given)).expect(200);
    }
    await client.get('/models').set(from('1.2.3.4, 192.0.2.1')).expect(429);
    await client.get('/models').set(from('192.0.2.2')).expect(200);
    // One client has all addresses of an IPv6 network.
    for (const part of ['1', '2', '3'])
      await client
        .get('/models')
        .set(from(`2001:db8:0:1::${part}`))
        .expect(200);
    await client.get('/models').set(from('2001:db8:0:1:ffff::1')).expect(429);
    await client.get('/models').set(from('2001:db8:0:2::1')).expect(200);
  });
}

describe('limits that are counted in memory', () => {
  limits({ settings: () => ({}), forget: () => Promise.resolve() });
});

describe('limits that are counted in Redis', { skip: redisSkipReason }, () => {
  let redis: RedisServer;
  before(async () => {
    redis = await RedisServer.start();
  });
  after(() => redis.remove());

  limits({
    settings: () => ({ REDIS_URL: redis.url }),
    forget: async () => {
      await redis.remove();
      redis = await RedisServer.start();
    },
  });

  it('hold for all gateways together', async () => {
    const settings = { REDIS_URL: redis.url, API_KEYS: 'a-plain-key', TESSERA_RATE_LIMIT_PER_MIN: '50' };
    const both = [await start(settings), await start(settings)];
    assert.deepEqual(await statusesOf(200, both, bearer('a-plain-key')), { 200: 50, 429: 150 });
  });

  it('hold nobody up while Redis is down or hangs, which the log says once, and hold again afterwards', async () => {
    const gateway = await start({ REDIS_URL: redis.url, TESSERA_RATE_LIMIT_PER_MIN: '10' });
    const complaints = () => log.split('\n').filter((line) => line.includes('Rate limits are NOT enforced')).length;
    await redis.stop();
    assert.deepEqual(await statusesOf(60, [gateway]), { 200: 60 });
    assert.equal(complaints(), 1);
    await redis.start();
    const { client } = gateway;
    await until(async () => (await client.get('/models')).headers.ratelimit !== undefined);
    redis.pause();
    const startedAt = performance.now();
    assert.deepEqual(await statusesOf(30, [gateway]), { 200: 30 });
    assert.ok(performance.now() - startedAt < 3_000);
    assert.equal(complaints(), 2);
    redis.resume();
    await until(async () => (await client.get('/models')).status === 429);
  });

  it('are no reason not to start while Redis is down', async () => {
    await redis.stop();
    const gateway = await start({ REDIS_URL: redis.url, TESSERA_RATE_LIMIT_PER_MIN: '10' });
    assert.deepEqual(await statusesOf(20, [gateway]), { 200: 20 });
    assert.equal(log.split('\n').filter((line) => line.includes('Rate limits are NOT enforced')).length, 1);
  });
});
