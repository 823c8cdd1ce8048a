import { RedisConnection } from '@tessera/runtime/redis';
import { assertCacheKey, type BlobCache, type BlobCacheLimits, type CacheState } from './blob-cache.js';

/** In braces: in a Redis Cluster all keys of the cache are on one node, as its scripts need them. */
const keyPrefix = '{tessera:embeddings}:';
const blobPrefix = `${keyPrefix}blob:`;
/** Sorted set of the keys by their last use; hash of the bytes of each; the sum of these. */
const indexKeys = [`${keyPrefix}uses`, `${keyPrefix}sizes`, `${keyPrefix}total`] as const;
const operationTimeoutMs = 5_000;
/**
 * Share of Redis' `maxmemory` up to which the cache may grow, all other data included. With `noeviction`, as the queue needs
 * it, Redis refuses every write beyond `maxmemory`.
 */
const memoryShare = 0.75;
/** Most blobs that one call drops: Redis does nothing else meanwhile. */
const dropsAtOnce = 200;

/**
 * Drops what has expired and what is too much, after storing a blob if there is one. Removing comes before counting: a
 * Redis that is out of memory lets a script count once it has removed something.
 *
 * KEYS: uses, sizes, total. ARGV: prefix, limit in bytes, time to live in ms, memory share, most drops [, key, blob].
 * Answers the bytes stored and the number of blobs dropped for want of room.
 */
const trimScript = `
local uses, sizes, total = KEYS[1], KEYS[2], KEYS[3]
local prefix, limit, ttl = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local share, drops = tonumber(ARGV[4]), tonumber(ARGV[5])
local key, blob = ARGV[6], ARGV[7]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function drop(name)
  local bytes = tonumber(redis.call('HGET', sizes, name) or 0)
  redis.call('DEL', prefix .. name)
  redis.call('ZREM', uses, name)
  redis.call('HDEL', sizes, name)
  if bytes > 0 then redis.call('DECRBY', total, bytes) end
  drops = drops - 1
  return bytes
end

local function stored()
  return tonumber(redis.call('GET', total) or 0)
end

-- Bytes that Redis uses beyond the cache's share of its memory; negative while there is room.
local function excess()
  local info = redis.pcall('INFO', 'memory')
  if type(info) ~= 'string' then return -math.huge end
  local used = tonumber(string.match(info, 'used_memory:(%d+)'))
  local maximum = tonumber(string.match(info, 'maxmemory:(%d+)'))
  if not used or not maximum or maximum == 0 then return -math.huge end
  return used - share * maximum
end

local evicted = 0
-- Drops the least recently used until as many more bytes have room; false when they have none.
local function makeRoom(added)
  local over = math.max(stored() + added - limit, excess() + added)
  while over > 0 and drops > 0 do
    local oldest = redis.call('ZRANGE', uses, 0, 0)[1]
    if not oldest or oldest == key then return false end
    over = over - drop(oldest)
    evicted = evicted + 1
  end
  return over <= 0
end

for _, name in ipairs(redis.call('ZRANGEBYSCORE', uses, '-inf', now - ttl, 'LIMIT', 0, drops)) do drop(name) end
if blob then
  if redis.call('ZSCORE', uses, key) then drop(key) end
  if #blob <= limit and makeRoom(#blob) then
    redis.call('SET', prefix .. key, blob, 'PX', ttl)
    local usage = redis.pcall('MEMORY', 'USAGE', prefix .. key)
    local bytes = type(usage) == 'number' and usage or #blob
    redis.call('HSET', sizes, key, bytes)
    redis.call('ZADD', uses, now, key)
    redis.call('INCRBY', total, bytes)
    -- Redis may need more for the blob than its bytes.
    if not makeRoom(0) then drop(key) end
  end
else
  makeRoom(0)
end
return { stored(), evicted }
`;

export interface RedisBlobCacheOptions extends BlobCacheLimits {
  readonly url: string;
  /** Gets every failure of the connection, also those that it recovers from. */
  readonly onError: (error: Error) => void;
}

/**
 * A {@link BlobCache} in Redis, on a connection of its own. The limit counts the memory that Redis needs for the blobs. When
 * Redis has a `maxmemory`, the cache gives up its blobs before three quarters of it are used, whatever its limit.
 * Every method rejects with `TSR_QUEUE_UNAVAILABLE` while Redis is down.
 */
export async function openRedisBlobCache({ url, onError, ...limits }: RedisBlobCacheOptions): Promise<BlobCache> {
  return new RedisBlobCache(await RedisConnection.open({ url, onError, operationTimeoutMs }), limits);
}

class RedisBlobCache implements BlobCache {
  readonly #connection: RedisConnection;
  readonly #limits: BlobCacheLimits;

  constructor(connection: RedisConnection, limits: BlobCacheLimits) {
    this.#connection = connection;
    this.#limits = limits;
  }

  async get(key: string): Promise<Uint8Array | null> {
    assertCacheKey(key);
    const [uses] = indexKeys;
    return this.#connection.run(async (client) => {
      const blob = client.getexBuffer(blobPrefix + key, 'PX', this.#limits.ttlMs);
      // In the same write. A Redis that is out of memory refuses it, and the blob is there nevertheless.
      const use = client.zadd(uses, 'XX', Date.now(), key).catch(() => undefined);
      const [bytes] = await Promise.all([blob, use]);
      return bytes;
    });
  }

  put(key: string, bytes: Uint8Array): Promise<CacheState> {
    assertCacheKey(key);
    return this.#trim(key, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }

  trim(): Promise<CacheState> {
    return this.#trim();
  }

  close(): Promise<void> {
    this.#connection.close();
    return Promise.resolve();
  }

  async #trim(...blob: [key: string, bytes: Buffer] | []): Promise<CacheState> {
    const { limitBytes, ttlMs } = this.#limits;
    const settings = [blobPrefix, limitBytes, ttlMs, memoryShare, dropsAtOnce];
    const answer = await this.#connection.run((client) =>
      client.eval(trimScript, indexKeys.length, ...indexKeys, ...settings, ...blob),
    );
    const [storedBytes, evicted] = answer as [number, number];
    return { storedBytes, evicted };
  }
}
