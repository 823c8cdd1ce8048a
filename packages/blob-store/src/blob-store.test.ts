import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { RedisConnection } from '@tessera/runtime/redis';
import { redisSkipReason, RedisServer } from '@tessera/runtime/testing';
import fc from 'fast-check';
import { listedPrefixes, vocabularyKey, workerKeyPrefix } from './blob-keys.js';
import type { BlobStore } from './blob-store.js';
import { openFileBlobStore } from './file-blob-store.js';
import { getImage, imageId, putImage } from './images.js';
import { openRedisBlobStore } from './redis-blob-store.js';

interface Fixture {
  open(): Promise<BlobStore>;
  remove(): Promise<void>;
}

const failOnError = (error: Error) => {
  throw error;
};

async function fileFixture(): Promise<Fixture> {
  const directory = await mkdtemp(join(tmpdir(), 'tessera-blobs-'));
  return {
    open: () => openFileBlobStore({ directory, onError: failOnError }),
    remove: () => rm(directory, { recursive: true }),
  };
}

async function redisFixture(): Promise<Fixture> {
  const server = await RedisServer.start();
  return {
    open: () => openRedisBlobStore({ url: server.url, onError: failOnError }),
    remove: () => server.remove(),
  };
}

const implementations = [
  { name: 'in files', fixture: fileFixture, skip: false as const },
  { name: 'in Redis', fixture: redisFixture, skip: redisSkipReason },
];

for (const { name, fixture, skip } of implementations) {
  describe(`a blob store ${name}`, { skip, timeout: 60_000 }, () => {
    let place: Fixture;
    let store: BlobStore;
    let other: BlobStore;

    before(async () => {
      place = await fixture();
      store = await place.open();
      other = await place.open();
    });

    after(async () => {
      await store.close();
      await other.close();
      await place.remove();
    });

    it('gives back any bytes under any key', async () => {
      const keys = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 });
      await fc.assert(
        fc.asyncProperty(keys, fc.uint8Array({ maxLength: 2_000 }), async (key, bytes) => {
          await store.put(key, bytes, { ttlMs: 60_000 });
          assert.deepEqual(Buffer.from((await other.get(key)) ?? []), Buffer.from(bytes));
          assert.equal(await other.has(key), true);
          await store.delete(key);
          assert.equal(await other.get(key), null);
        }),
        { numRuns: 60 },
      );
    });

    it('lets one of several store a new blob, and another once it is gone', async () => {
      for (let round = 0; round < 5; round++) {
        const claims = Array.from({ length: 8 }, (_, index) =>
          (index % 2 === 0 ? store : other).putNew('claim', Buffer.from(`${index}`), { ttlMs: 60_000 }),
        );
        const outcomes = await Promise.all(claims);
        assert.equal(outcomes.filter(Boolean).length, 1);
        assert.equal(Buffer.from((await store.get('claim')) ?? []).toString(), `${outcomes.indexOf(true)}`);
        await other.delete('claim');
      }
      assert.equal(await store.putNew('claim', Buffer.from('short'), { ttlMs: 30 }), true);
      await delay(60);
      assert.equal(await other.putNew('claim', Buffer.from('for ever'), { ttlMs: null }), true);
      assert.equal(await store.putNew('claim', Buffer.from('late'), { ttlMs: null }), false);
      assert.equal(Buffer.from((await store.get('claim')) ?? []).toString(), 'for ever');
      await store.delete('claim');
    });

    it('keeps keys apart that look like paths, patterns or one another', async () => {
      const keys = ['../escape', '/etc/passwd', '..', '.', 'a', 'A', 'a/', 'a*', 'a?', 'a\\', 'a\0b', 'ä', 'a\u0308'];
      for (const key of keys) await store.put(key, Buffer.from(key), { ttlMs: null });
      for (const key of keys) assert.equal(Buffer.from((await store.get(key)) ?? []).toString(), key);
      assert.deepEqual((await store.list('')).sort(), [...keys].sort());
      for (const key of keys) await store.delete(key);
      assert.deepEqual(await store.list(''), []);
    });

    it('refuses keys that are empty, too long or not well-formed', async () => {
      for (const key of ['', 'x'.repeat(121), '\ud800']) {
        await assert.rejects(store.put(key, new Uint8Array(1), { ttlMs: null }), RangeError);
        await assert.rejects(store.get(key), RangeError);
      }
    });

    it('refuses a time to live that is not positive', async () => {
      for (const ttlMs of [0, -1, Number.NaN, Infinity]) {
        await assert.rejects(store.put('key', new Uint8Array(1), { ttlMs }), RangeError);
        await assert.rejects(store.touch('key', { ttlMs }), RangeError);
      }
    });

    it('stores the view it is given, not the buffer behind it', async () => {
      await store.put('view', Buffer.from('0123456789').subarray(3, 6), { ttlMs: null });
      assert.equal(Buffer.from((await store.get('view')) ?? []).toString(), '345');
      await store.delete('view');
    });

    it('stores megabytes', async () => {
      const bytes = new Uint8Array(8_000_000).map((_, index) => (index * 31) % 251);
      await store.put('large', bytes, { ttlMs: 60_000 });
      assert.equal(Buffer.compare((await other.get('large')) ?? new Uint8Array(), bytes), 0);
      await store.delete('large');
    });

    it('overwrites, and deleting twice is no error', async () => {
      await store.put('key', Buffer.from('first, longer'), { ttlMs: null });
      await store.put('key', Buffer.from('second'), { ttlMs: null });
      assert.equal(Buffer.from((await store.get('key')) ?? []).toString(), 'second');
      await store.delete('key');
      await store.delete('key');
      assert.equal(await store.has('key'), false);
    });

    it('forgets a blob when its time is up, for every method', async () => {
      await store.put('brief', Buffer.from('x'), { ttlMs: 40 });
      await delay(80);
      assert.equal(await store.get('brief'), null);
      assert.equal(await store.has('brief'), false);
      assert.equal(await store.touch('brief', { ttlMs: 1_000 }), false);
      assert.deepEqual(await store.list('brief'), []);
    });

    it('renews the expiry by putting and by touching', async () => {
      await store.put('put', Buffer.from('x'), { ttlMs: 200 });
      await store.put('put', Buffer.from('x'), { ttlMs: 60_000 });
      await store.put('touched', Buffer.from('x'), { ttlMs: 200 });
      assert.equal(await store.touch('touched', { ttlMs: 60_000 }), true);
      await store.put('kept', Buffer.from('x'), { ttlMs: 200 });
      assert.equal(await store.touch('kept', { ttlMs: null }), true);
      assert.equal(await store.touch('kept', { ttlMs: null }), true);
      await delay(250);
      for (const key of ['put', 'touched', 'kept']) {
        assert.equal(await store.has(key), true, key);
        await store.delete(key);
      }
      assert.equal(await store.touch('kept', { ttlMs: null }), false);
    });

    it('lists by prefix, taken literally', async () => {
      for (const key of ['list/a', 'list/b', 'list*', 'lis']) await store.put(key, Buffer.from('x'), { ttlMs: null });
      assert.deepEqual((await store.list('list/')).sort(), ['list/a', 'list/b']);
      assert.deepEqual(await store.list('list*'), ['list*']);
      assert.deepEqual(await store.list('l[i]s'), []);
      for (const key of await store.list('lis')) await store.delete(key);
    });

    it('lists workers, vocabularies and claims that are there, and those alone', async () => {
      for (const prefix of listedPrefixes) {
        const [kept, brief, deleted] = ['kept', 'brief', 'deleted'].map((name) => prefix + name);
        assert.ok(kept && brief && deleted);
        await store.put(kept, Buffer.from('x'), { ttlMs: null });
        await store.put(brief, Buffer.from('x'), { ttlMs: 300 });
        assert.equal(await store.putNew(deleted, Buffer.from('x'), { ttlMs: 60_000 }), true);
        assert.deepEqual((await other.list(prefix)).sort(), [brief, deleted, kept]);
        await store.delete(deleted);
        await delay(350);
        assert.deepEqual(await other.list(prefix), [kept]);
        await store.put(brief, Buffer.from('y'), { ttlMs: null });
        assert.deepEqual((await other.list(prefix)).sort(), [brief, kept]);
        assert.equal(Buffer.from((await store.get(brief)) ?? []).toString(), 'y');
        for (const key of [kept, brief]) await store.delete(key);
        assert.deepEqual(await other.list(prefix), []);
      }
    });

    it('never shows a half-written blob to concurrent readers', async () => {
      const versions = [new Uint8Array(300_000).fill(1), new Uint8Array(200_000).fill(2)];
      await store.put('contended', versions[0] ?? assert.fail(), { ttlMs: null });
      const writes = Array.from({ length: 40 }, (_, index) =>
        (index % 2 === 0 ? store : other).put('contended', versions[index % 2] ?? assert.fail(), { ttlMs: null }),
      );
      const reads = Array.from({ length: 40 }, async () => {
        const bytes = (await store.get('contended')) ?? assert.fail('the blob vanished');
        assert.ok(versions.some((version) => Buffer.compare(version, bytes) === 0));
      });
      await Promise.all([...writes, ...reads]);
      await store.delete('contended');
    });

    it('stores an image under the hash of its bytes', async () => {
      const bytes = Buffer.from('abc');
      const id = await putImage(store, bytes, { ttlMs: 60_000 });
      assert.equal(id, 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
      assert.equal(imageId(bytes), id);
      assert.equal(await putImage(other, bytes, { ttlMs: 60_000 }), id);
      assert.deepEqual(Buffer.from((await getImage(store, id)) ?? []), bytes);
      assert.equal(await getImage(store, `sha256:${'0'.repeat(64)}`), null);
      assert.equal(await getImage(store, 'sha256:../../secret'), null);
    });
  });
}

describe('listing in Redis', { skip: redisSkipReason }, () => {
  it('asks for the workers without looking at all keys, and finds vocabularies of earlier versions', async () => {
    const server = await RedisServer.start();
    const store = await openRedisBlobStore({ url: server.url, onError: failOnError });
    const watcher = await RedisConnection.open({ url: server.url, onError: failOnError, operationTimeoutMs: 5_000 });
    try {
      await watcher.client.set(`tessera:blob:${vocabularyKey('old')}`, 'x');
      const scans = async () =>
        /cmdstat_(?:scan|keys):calls=(\d+)/.exec(await watcher.client.info('commandstats'))?.[1] ?? '0';
      const before = await scans();
      await store.put(`${workerKeyPrefix}a`, Buffer.from('x'), { ttlMs: 60_000 });
      assert.deepEqual(await store.list(workerKeyPrefix), [`${workerKeyPrefix}a`]);
      assert.equal(await scans(), before);
      assert.deepEqual(await store.list('vocabularies/'), [vocabularyKey('old')]);
    } finally {
      watcher.close();
      await store.close();
      await server.remove();
    }
  });
});
