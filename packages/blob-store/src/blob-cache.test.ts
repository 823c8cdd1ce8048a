import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { TesseraError } from '@tessera/contracts';
import { RedisConnection } from '@tessera/runtime/redis';
import { redisSkipReason, RedisServer } from '@tessera/runtime/testing';
import type { BlobCache, BlobCacheLimits } from './blob-cache.js';
import { FileBlobCache } from './file-blob-cache.js';
import { openRedisBlobCache } from './redis-blob-cache.js';

type Open = (limits: BlobCacheLimits) => Promise<BlobCache>;

const hour = 3_600_000;
const silent = () => undefined;

async function temporaryDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tessera-cache-'));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

async function startRedis(t: TestContext) {
  const server = await RedisServer.start();
  const connection = await RedisConnection.open({ url: server.url, onError: silent, operationTimeoutMs: 5_000 });
  t.after(async () => {
    connection.close();
    await server.remove();
  });
  const open: Open = async (limits) => {
    const cache = await openRedisBlobCache({ url: server.url, onError: silent, ...limits });
    t.after(() => cache.close());
    return cache;
  };
  return { server, client: connection.client, open };
}

const implementations = [
  {
    name: 'in files',
    skip: false as const,
    start: async (t: TestContext): Promise<Open> => {
      const directory = await temporaryDirectory(t);
      return (limits) => Promise.resolve(new FileBlobCache({ directory, ...limits }));
    },
  },
  {
    name: 'in Redis',
    skip: redisSkipReason,
    start: async (t: TestContext): Promise<Open> => (await startRedis(t)).open,
  },
];

/** Bytes of 100 kB that differ from those of other numbers. */
const blob = (number: number) => new Uint8Array(100_000).fill(number);
const storedKeys = async (cache: BlobCache, keys: readonly string[]): Promise<string[]> => {
  const blobs = await Promise.all(keys.map((key) => cache.get(key)));
  return keys.filter((_key, index) => blobs[index] !== null);
};

for (const { name, start, skip } of implementations) {
  describe(`a blob cache ${name}`, { skip, timeout: 60_000 }, () => {
    it('gives another process what one has stored, the last version', async (t) => {
      const open = await start(t);
      const [cache, other] = [
        await open({ limitBytes: 1e6, ttlMs: hour }),
        await open({ limitBytes: 1e6, ttlMs: hour }),
      ];
      assert.equal(await other.get('a'), null);
      await cache.put('a', blob(1));
      await cache.put('a', blob(2).subarray(10));
      const found = (await other.get('a')) ?? assert.fail('nothing is stored');
      assert.equal(Buffer.compare(found, blob(2).subarray(10)), 0);
      const { storedBytes } = await other.trim();
      assert.ok(storedBytes >= 99_990 && storedBytes < 200_000, `${storedBytes} bytes`);
    });

    it('keeps to its bytes and drops what was used least recently', async (t) => {
      const open = await start(t);
      const cache = await open({ limitBytes: 600_000, ttlMs: hour });
      let evictions = 0;
      const keys = Array.from({ length: 20 }, (_, index) => `key-${index}`);
      for (const [index, key] of keys.entries()) {
        const { storedBytes, evicted } = await cache.put(key, blob(index));
        assert.ok(storedBytes <= 600_000, `${storedBytes} bytes`);
        evictions += evicted;
        await delay(3);
        // In use all the time.
        assert.ok(await cache.get('key-0'));
        await delay(3);
      }
      const stored = await storedKeys(cache, keys);
      assert.equal(stored[0], 'key-0');
      assert.deepEqual(stored.slice(1), keys.slice(keys.length - stored.length + 1), 'those that came last');
      assert.ok(stored.length >= 4);
      assert.equal(evictions, keys.length - stored.length);
    });

    it('comes down to a limit that was lowered', async (t) => {
      const open = await start(t);
      const generous = await open({ limitBytes: 5e6, ttlMs: hour });
      for (let index = 0; index < 10; index++) await generous.put(`key-${index}`, blob(index));
      const strict = await open({ limitBytes: 400_000, ttlMs: hour });
      const { storedBytes, evicted } = await strict.trim();
      assert.ok(storedBytes <= 400_000 && storedBytes > 0 && evicted >= 6, `${storedBytes} bytes, ${evicted} evicted`);
    });

    it('stores nothing that is larger than its limit, and drops nothing for it', async (t) => {
      const open = await start(t);
      const cache = await open({ limitBytes: 300_000, ttlMs: hour });
      await cache.put('small', blob(1));
      assert.deepEqual((await cache.put('large', new Uint8Array(300_001))).evicted, 0);
      assert.deepEqual(await storedKeys(cache, ['small', 'large']), ['small']);
    });

    it('forgets a blob that was not used for its time to live, and its bytes', async (t) => {
      const open = await start(t);
      const cache = await open({ limitBytes: 1e6, ttlMs: 400 });
      await cache.put('used', blob(1));
      await cache.put('unused', blob(2));
      for (let round = 0; round < 5; round++) {
        await delay(120);
        assert.ok(await cache.get('used'));
      }
      assert.equal(await cache.get('unused'), null);
      await delay(450);
      const fresh = await open({ limitBytes: 1e6, ttlMs: 400 });
      assert.deepEqual(await fresh.trim(), { storedBytes: 0, evicted: 0 });
    });

    it('counts right when several store at once', async (t) => {
      const open = await start(t);
      const caches = await Promise.all([1, 2, 3].map(() => open({ limitBytes: 5e6, ttlMs: hour })));
      await Promise.all(
        caches.flatMap((cache) => Array.from({ length: 10 }, (_, index) => cache.put(`key-${index}`, blob(index)))),
      );
      const { storedBytes } = await (await open({ limitBytes: 5e6, ttlMs: hour })).trim();
      assert.ok(storedBytes >= 1_000_000 && storedBytes < 1_400_000, `${storedBytes} bytes`);
    });

    it('refuses keys that are not letters, digits and hyphens', async (t) => {
      const open = await start(t);
      const cache = await open({ limitBytes: 1e6, ttlMs: hour });
      for (const key of ['', '../x', 'a/b', 'a:b', 'x'.repeat(101)]) {
        await assert.rejects(async () => cache.get(key), RangeError);
        await assert.rejects(async () => cache.put(key, blob(1)), RangeError);
      }
    });
  });
}

describe('a blob cache in files', () => {
  it('has no room for files of other names, and removes what a dead process left', async (t) => {
    const directory = join(await temporaryDirectory(t), 'embeddings');
    await mkdir(directory);
    await writeFile(join(directory, 'notes.txt'), 'mine');
    await writeFile(join(directory, 'dead.temporary'), 'x');
    await utimes(join(directory, 'dead.temporary'), 1_000, 1_000);
    const cache = new FileBlobCache({ directory, limitBytes: 1e6, ttlMs: hour });
    assert.deepEqual(await cache.trim(), { storedBytes: 0, evicted: 0 });
    await cache.put('a', blob(1));
    assert.deepEqual((await readdir(directory)).sort(), ['a.cached', 'notes.txt']);
  });

  it('gives a truncated file as it is: what it holds is for its reader to check', async (t) => {
    const directory = await temporaryDirectory(t);
    const cache = new FileBlobCache({ directory, limitBytes: 1e6, ttlMs: hour });
    await cache.put('a', blob(1));
    await truncate(join(directory, 'a.cached'), 10);
    assert.equal((await cache.get('a'))?.length, 10);
    assert.equal((await stat(join(directory, 'a.cached'))).size, 10);
  });
});

describe('a blob cache in Redis', { skip: redisSkipReason, timeout: 60_000 }, () => {
  it('counts the memory that Redis needs', async (t) => {
    const { client, open } = await startRedis(t);
    const cache = await open({ limitBytes: 200e6, ttlMs: hour });
    const usedMemory = async () => Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]);
    await cache.trim();
    const before = await usedMemory();
    for (let index = 0; index < 30; index++) await cache.put(`key-${index}`, new Uint8Array(2_100_000));
    const { storedBytes } = await cache.trim();
    const grown = (await usedMemory()) - before;
    // The rest is the buffer of the connection.
    assert.ok(Math.abs(grown / storedBytes - 1) < 0.1, `${grown} bytes more for ${storedBytes} that are counted`);
  });

  it('gives way when other data fills the memory of Redis, and stores nothing while it is full', async (t) => {
    const { client, open } = await startRedis(t);
    await client.config('SET', 'maxmemory', 40_000_000);
    const cache = await open({ limitBytes: 1e9, ttlMs: hour });
    for (let index = 0; index < 100; index++) await cache.put(`key-${index}`, new Uint8Array(1_000_000).fill(index));
    const { storedBytes } = await cache.trim();
    assert.ok(storedBytes > 5_000_000 && storedBytes < 30_000_000, `${storedBytes} bytes`);

    // Until Redis refuses to take more.
    const fill = async () => {
      for (let index = 0; index < 100; index++) await client.set(`other-${index}`, Buffer.alloc(1_000_000));
    };
    await assert.rejects(fill, /OOM/);
    assert.ok((await cache.get('key-99')) !== null, 'a blob can still be read');
    const trimmed = await cache.trim();
    assert.ok(trimmed.storedBytes < storedBytes && trimmed.evicted > 0, `${trimmed.storedBytes} bytes are left`);
    await client.set('a job', 'can be written again');
    await client.config('SET', 'maxmemory', 10_000_000);
    assert.equal((await cache.trim()).storedBytes, 0);
    assert.equal((await cache.put('key', new Uint8Array(100_000))).storedBytes, 0);
  });

  it('rejects at once while Redis is down', async (t) => {
    const { server, open } = await startRedis(t);
    const cache = await open({ limitBytes: 1e6, ttlMs: hour });
    await server.stop();
    const isUnavailable = (error: unknown) => TesseraError.isInstance(error) && error.code === 'TSR_QUEUE_UNAVAILABLE';
    await assert.rejects(cache.get('a'), isUnavailable);
    await assert.rejects(cache.put('a', blob(1)), isUnavailable);
    await server.start();
  });
});
