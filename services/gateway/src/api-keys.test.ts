import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import type { NamedApiKey } from '@tessera/contracts';
import type { JobQueue } from '@tessera/queue';
import { pino } from 'pino';
import { listen, problemOf, TestStores, until, type TestGateway } from './testing/test-gateway.js';

const [alice, bob, carol] = ['tsr_key-of-alice', 'tsr_key-of-bob', 'tsr_key-of-carol'] as const;

let directory: string;
let stores: TestStores;
let queue: JobQueue;
let gateway: TestGateway | undefined;
let log: string;
let file: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tessera-gateway-keys-'));
  file = join(directory, 'keys.json');
  stores = await TestStores.open();
  queue = await stores.openQueue('keys');
});

afterEach(async () => {
  await gateway?.app.close();
  gateway = undefined;
});

after(async () => {
  await stores.close();
  await rm(directory, { recursive: true });
});

function named(name: string, key: string, others: Partial<NamedApiKey> = {}): NamedApiKey {
  return { name, sha256: createHash('sha256').update(key).digest('hex'), ...others };
}

async function write(...keys: readonly NamedApiKey[]): Promise<void> {
  await writeFile(file, JSON.stringify({ keys }));
}

/** As editors and `tessera keys` write it: another file takes its place. */
async function replace(...keys: readonly NamedApiKey[]): Promise<void> {
  await writeFile(`${file}.new`, JSON.stringify({ keys }));
  await rename(`${file}.new`, file);
}

async function start(settings: Record<string, string> = {}): Promise<TestGateway> {
  log = '';
  const logger = pino({ level: 'info' }, { write: (line: string) => (log += line) });
  gateway = await listen(queue, stores, { API_KEYS_FILE: file, ...settings }, logger);
  return gateway;
}

async function statusOf(key: string): Promise<number> {
  assert.ok(gateway !== undefined);
  const { status } = await gateway.client.get('/models').set('authorization', `Bearer ${key}`);
  return status;
}

describe('keys of a file', () => {
  it('open what they should, beside those of API_KEYS', async () => {
    await write(named('alice', alice), named('bob', bob));
    const { client } = await start({ API_KEYS: 'a-plain-key' });
    for (const key of [alice, bob, 'a-plain-key']) assert.equal(await statusOf(key), 200);
    for (const key of [
      carol,
      alice.toUpperCase(),
      alice.slice(0, -1),
      named('alice', alice).sha256,
      'alice',
      'API_KEYS#1',
    ]) {
      assert.equal(await statusOf(key), 401);
    }
    await client.get('/models').expect(401);
    await client.get('/livez').expect(200);
  });

  it('are passwords too, for Label Studio alone', async () => {
    await write(named('alice', alice));
    const { client } = await start();
    await client.get('/label-studio/health').auth('anyone', alice).expect(200);
    await client.get('/label-studio/health').auth('anyone', bob).expect(401);
    await client.get('/models').auth('anyone', alice).expect(401);
  });

  it('are not accepted once they have expired, also while the service runs', async () => {
    const soon = new Date(Date.now() + 1_500).toISOString();
    await write(named('alice', alice, { expires_at: '2001-01-01' }), named('bob', bob, { expires_at: soon }));
    const { client } = await start({ API_KEYS: alice });
    const refused = await client.get('/models').set('authorization', `Bearer ${alice}`).expect(401);
    assert.match(problemOf(refused).detail, /expired/);
    assert.equal(await statusOf(bob), 200);
    await until(async () => (await statusOf(bob)) === 401);
  });

  it('leave their names in the log and in the metrics, never themselves', async () => {
    await write(named('alice', alice));
    const { client } = await start({ API_KEYS: 'a-plain-key' });
    await client.get('/jobs/x').set('authorization', `Bearer ${alice}`).expect(404);
    await client.get('/label-studio/health').auth('anyone', alice).expect(200);
    await client.get('/jobs/x').set('authorization', `Bearer ${carol}`).expect(401);
    const { text } = await client.get('/metrics').set('authorization', 'Bearer a-plain-key').expect(200);
    assert.match(text, /tessera_api_key_requests_total\{key="alice",status="404"\} 1/);
    assert.match(text, /tessera_api_key_requests_total\{key="alice",status="200"\} 1/);
    await until(() => /"apiKey":"API_KEYS#1".*request completed/.test(log));
    assert.match(log, /"apiKey":"alice".*"statusCode":404.*request completed/);
    for (const secret of [alice, carol, 'a-plain-key', Buffer.from(`anyone:${alice}`).toString('base64')]) {
      assert.ok(!log.includes(secret) && !text.includes(secret), secret);
    }
  });

  it('may be ten thousand', async () => {
    const many = Array.from({ length: 9_999 }, (_, index) => named(`key-${index}`, `tsr_number-${index}`));
    await write(...many, named('alice', alice));
    await start();
    assert.equal(await statusOf(alice), 200);
    const startedAt = performance.now();
    const keys = Array.from({ length: 100 }, (_, index) => `tsr_number-${index * 200}`);
    const statuses = await Promise.all(keys.map((key) => statusOf(key)));
    for (const [index, status] of statuses.entries()) assert.equal(status, index < 50 ? 200 : 401);
    assert.ok(performance.now() - startedAt < 5_000);
  });
});

describe('a file of keys that changes while the service runs', () => {
  it('takes effect in seconds: keys are added, replaced and removed', async () => {
    await write(named('alice', alice));
    await start();
    assert.equal(await statusOf(bob), 401);
    await replace(named('alice', alice), named('bob', bob));
    await until(async () => (await statusOf(bob)) === 200);
    assert.equal(await statusOf(alice), 200);
    await write(named('alice', carol), named('bob', bob));
    await until(async () => (await statusOf(alice)) === 401);
    assert.equal(await statusOf(carol), 200);
    await replace(named('bob', bob));
    await until(async () => (await statusOf(carol)) === 401);
    assert.match(log, /"keys":2,"added":\["bob"\],"removed":\[\]/);
    assert.match(log, /"keys":1,"added":\[\],"removed":\["alice"\]/);
  });

  it('does not open the service when the last key is removed', async () => {
    await write(named('alice', alice));
    const { client } = await start();
    await replace();
    await until(async () => (await statusOf(alice)) === 401);
    await client.get('/models').expect(401);
  });

  it('keeps the old keys while it is half-written, empty, broken or gone, and says so loudly', async () => {
    await write(named('alice', alice));
    const { client } = await start();
    const whole = JSON.stringify({ keys: [named('alice', alice), named('bob', bob)] });
    const broken = [
      whole.slice(0, 60),
      whole.slice(0, -1),
      '',
      '{"keys": [{"name": "x", "sha256": "tsr_oops"}]}',
      null,
    ];
    const complaints = () => log.split('\n').filter((line) => line.includes('API_KEYS_FILE CANNOT BE USED'));
    for (const [index, text] of broken.entries()) {
      if (text === null) await unlink(file);
      else await writeFile(file, text);
      await until(() => complaints().length === index + 1);
      assert.equal(await statusOf(alice), 200);
      assert.equal(await statusOf(bob), 401);
    }
    for (const line of complaints()) assert.match(line, /"level":50/);
    assert.ok(!log.includes('tsr_oops'));
    const metrics = async () => (await client.get('/metrics').set('authorization', `Bearer ${alice}`)).text;
    assert.match(await metrics(), /tessera_api_keys_file_broken 1/);
    await writeFile(file, whole);
    await until(async () => (await statusOf(bob)) === 200);
    assert.match(await metrics(), /tessera_api_keys_file_broken 0/);
  });
});

describe('a gateway does not start', () => {
  const files: [what: string, text: string | null, message: RegExp][] = [
    ['without its file of keys', null, /^ConfigError: API_KEYS_FILE: .*keys\.json cannot be read: ENOENT/],
    ['with a file that is not JSON', 'alice: secret', /keys\.json is not JSON/],
    ['with a key in place of its digest', '{"keys": [{"name": "a", "sha256": "tsr_oops"}]}', /\/keys\/0\/sha256/],
    [
      'with two keys of one name',
      JSON.stringify({ keys: [named('alice', alice), named('alice', bob)] }),
      /two keys with the name alice/,
    ],
  ];
  for (const [what, text, message] of files) {
    it(what, async () => {
      await rm(file, { force: true });
      if (text !== null) await writeFile(file, text);
      await assert.rejects(start(), message);
    });
  }

  it('with a directory in place of the file', async () => {
    await assert.rejects(start({ API_KEYS_FILE: directory }), /cannot be read: EISDIR/);
  });
});
