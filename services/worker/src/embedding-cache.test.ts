import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { BlobCache } from '@tessera/blob-store';
import type { ImageOutputs } from '@tessera/inference';
import { pino } from 'pino';
import { EmbeddingCache } from './embedding-cache.js';
import { encodeOutputs } from './image-outputs-file.js';
import { WorkerMetrics } from './worker-metrics.js';

const outputs: ImageOutputs = {
  size: { width: 640, height: 480 },
  tensors: { '0/embedding': { type: 'float16', dims: [1, 2], data: Uint16Array.of(1, 2) } },
};
const always = () => true;
const collect = () => Promise.resolve(outputs);

/** A cache in memory, whose methods tests replace. */
function memoryCache(): BlobCache & { readonly blobs: Map<string, Uint8Array> } {
  const blobs = new Map<string, Uint8Array>();
  const state = () => ({ storedBytes: [...blobs.values()].reduce((sum, { length }) => sum + length, 0), evicted: 0 });
  return {
    blobs,
    get: (key) => Promise.resolve(blobs.get(key) ?? null),
    put: (key, bytes) => {
      blobs.set(key, bytes);
      return Promise.resolve(state());
    },
    trim: () => Promise.resolve(state()),
    close: () => Promise.resolve(),
  };
}

function start(t: TestContext, blobs: BlobCache = memoryCache(), times = {}) {
  const metrics = new WorkerMetrics();
  const cache = new EmbeddingCache(blobs, metrics, pino({ level: 'silent' }), { settlingMs: 10, ...times });
  t.after(() => cache.close());
  /** How often a kind of access has had an outcome. */
  const count = async (access: 'lookups' | 'writes', outcome: string): Promise<number> => {
    const text = await metrics.registry.metrics();
    return Number(new RegExp(`cache_${access}_total{outcome="${outcome}"} (\\d+)`).exec(text)?.[1] ?? 0);
  };
  const until = async (access: 'lookups' | 'writes', outcome: string, times: number): Promise<void> => {
    const deadline = performance.now() + 10_000;
    while ((await count(access, outcome)) < times) {
      assert.ok(
        performance.now() < deadline,
        `${access} had the outcome ${outcome} ${await count(access, outcome)} times`,
      );
      await delay(5);
    }
  };
  return { cache, count, until, metrics };
}

test('another request finds what one has stored, once that was answered', async (t) => {
  const { cache, count, until, metrics } = start(t);
  const first = cache.forRequest();
  assert.equal(await first.find('key', always), undefined);
  first.store('key', collect);
  await delay(50);
  assert.equal(await cache.forRequest().find('key', always), undefined, 'nothing is stored before the answer');
  first.release();
  await until('writes', 'stored', 1);
  assert.deepEqual(await cache.forRequest().find('key', always), outputs);
  assert.deepEqual([await count('lookups', 'miss'), await count('lookups', 'hit')], [2, 1]);
  assert.match(await metrics.registry.metrics(), /embedding_cache_bytes [1-9]/);
});

test('entries that are broken, cut off or do not fit are no hits', async (t) => {
  const blobs = memoryCache();
  const { cache, count } = start(t, blobs);
  const bytes = encodeOutputs(outputs);
  blobs.blobs.set(
    'broken',
    bytes.map((byte, place) => (place === bytes.length - 8 ? byte ^ 1 : byte)),
  );
  blobs.blobs.set('cut', bytes.subarray(0, 40));
  blobs.blobs.set('empty', new Uint8Array());
  blobs.blobs.set('whole', bytes);
  for (const key of ['broken', 'cut', 'empty'])
    assert.equal(await cache.forRequest().find(key, always), undefined, key);
  assert.equal(await cache.forRequest().find('whole', () => false), undefined);
  assert.equal(await count('lookups', 'invalid'), 4);
});

test('a lookup ends in time, and one that fails is a miss', async (t) => {
  const blobs = memoryCache();
  const { cache, count } = start(t, blobs, { lookupTimeoutMs: 30 });
  blobs.get = () => delay(10_000, null, { ref: false });
  const startedAt = performance.now();
  assert.equal(await cache.forRequest().find('key', always), undefined);
  assert.ok(performance.now() - startedAt < 2_000);
  blobs.get = () => Promise.reject(new Error('no connection'));
  assert.equal(await cache.forRequest().find('key', always), undefined);
  assert.deepEqual([await count('lookups', 'late'), await count('lookups', 'failed')], [1, 1]);
});

test('what cannot be stored, or is gone, delays nothing behind it', async (t) => {
  const blobs = memoryCache();
  const { cache, count, until } = start(t, blobs);
  const put = blobs.put.bind(blobs);
  blobs.put = (key, bytes) => (key === 'refused' ? Promise.reject(new Error('disk full')) : put(key, bytes));
  const request = cache.forRequest();
  request.store('refused', collect);
  request.store('gone', () => Promise.resolve(undefined));
  request.store('unreadable', () => Promise.reject(new Error('the process died')));
  request.store('key', collect);
  request.release();
  await until('writes', 'stored', 1);
  assert.deepEqual([...blobs.blobs.keys()], ['key']);
  assert.deepEqual([await count('writes', 'failed'), await count('writes', 'gone')], [2, 1]);
});

test('one is written after the other, and what comes when too many wait is dropped', async (t) => {
  const blobs = memoryCache();
  const { cache, count, until } = start(t, blobs);
  let running = 0;
  let mostRunning = 0;
  const slowly = async () => {
    running += 1;
    mostRunning = Math.max(mostRunning, running);
    await delay(1);
    running -= 1;
    return outputs;
  };
  for (let request = 0; request < 30; request++) {
    const shared = cache.forRequest();
    for (let image = 0; image < 10; image++) shared.store(`${request}-${image}`, slowly);
    shared.release();
  }
  assert.equal(await count('writes', 'dropped'), 44);
  await until('writes', 'stored', 256);
  assert.equal(mostRunning, 1);
  assert.equal(blobs.blobs.size, 256);
});

test('closing stores what waits, but not for ever', async (t) => {
  const blobs = memoryCache();
  const { cache } = start(t, blobs, { settlingMs: 60_000 });
  const request = cache.forRequest();
  request.store('key', collect);
  request.release();
  await cache.close();
  assert.deepEqual([...blobs.blobs.keys()], ['key']);

  const hanging = start(t, memoryCache(), { closingMs: 50 });
  const other = hanging.cache.forRequest();
  other.store('key', () => delay(60_000, outputs, { ref: false }));
  other.release();
  const startedAt = performance.now();
  await hanging.cache.close();
  assert.ok(performance.now() - startedAt < 5_000);
});
