import { RedisConnection } from '@tessera/runtime/redis';
import { listedPrefixes, listedPrefixOf, vocabularyKeyPrefix } from './blob-keys.js';
import { assertExpiry, assertKey, type BlobExpiry, type BlobStore } from './blob-store.js';

const keyPrefix = 'tessera:blob:';
/** Each of the listed prefixes has a set of its keys, those that have expired included. */
const indexPrefix = 'tessera:blob-index:';
const scanBatch = 500;
const operationTimeoutMs = 5_000;

export interface RedisBlobStoreOptions {
  readonly url: string;
  /** Gets every failure of the connection, also those that it recovers from. */
  readonly onError: (error: Error) => void;
}

/**
 * Blobs in Redis, expired by Redis. Every method rejects with `TSR_QUEUE_UNAVAILABLE` while Redis is down.
 * Its persistence settings decide how much survives a crash of Redis itself.
 */
export async function openRedisBlobStore(options: RedisBlobStoreOptions): Promise<BlobStore> {
  return new RedisBlobStore(await RedisConnection.open({ ...options, operationTimeoutMs }));
}

class RedisBlobStore implements BlobStore {
  readonly #connection: RedisConnection;
  #adoption: Promise<void> | undefined;

  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  async put(key: string, bytes: Uint8Array, expiry: BlobExpiry): Promise<void> {
    const name = redisKey(key);
    assertExpiry(expiry);
    const value = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    await this.#addToIndex(key);
    await this.#connection.run((client) =>
      expiry.ttlMs === null ? client.set(name, value) : client.set(name, value, 'PX', Math.ceil(expiry.ttlMs)),
    );
  }

  async putNew(key: string, bytes: Uint8Array, expiry: BlobExpiry): Promise<boolean> {
    const name = redisKey(key);
    assertExpiry(expiry);
    const value = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    await this.#addToIndex(key);
    const answer = await this.#connection.run((client) =>
      expiry.ttlMs === null
        ? client.set(name, value, 'NX')
        : client.set(name, value, 'PX', Math.ceil(expiry.ttlMs), 'NX'),
    );
    return answer === 'OK';
  }

  async get(key: string): Promise<Uint8Array | null> {
    const name = redisKey(key);
    return this.#connection.run((client) => client.getBuffer(name));
  }

  async has(key: string): Promise<boolean> {
    const name = redisKey(key);
    return (await this.#connection.run((client) => client.exists(name))) === 1;
  }

  async touch(key: string, expiry: BlobExpiry): Promise<boolean> {
    const name = redisKey(key);
    assertExpiry(expiry);
    if (expiry.ttlMs !== null) {
      const ttlMs = Math.ceil(expiry.ttlMs);
      return (await this.#connection.run((client) => client.pexpire(name, ttlMs))) === 1;
    }
    // PERSIST answers 0 both for a missing key and for one that never expires.
    await this.#connection.run((client) => client.persist(name));
    return this.has(key);
  }

  async delete(key: string): Promise<void> {
    const name = redisKey(key);
    await this.#connection.run((client) => client.unlink(name));
  }

  async list(prefix: string): Promise<string[]> {
    if (!listedPrefixes.includes(prefix)) return this.#scan(prefix);
    if (prefix === vocabularyKeyPrefix) await this.#adoptVocabularies();
    const index = indexPrefix + prefix;
    const keys = await this.#connection.run((client) => client.smembers(index));
    if (keys.length === 0) return [];
    const counts = await this.#connection.run((client) => Promise.all(keys.map((key) => client.exists(redisKey(key)))));
    const gone = keys.filter((_key, place) => counts[place] === 0);
    // One that is stored again this very moment is a worker's report or a claim, and comes back with its renewal.
    if (gone.length > 0) await this.#connection.run((client) => client.srem(index, ...gone));
    return keys.filter((_key, place) => counts[place] !== 0);
  }

  /** Before the blob is stored: an index may have too many keys in it, but never too few. */
  async #addToIndex(key: string): Promise<void> {
    const prefix = listedPrefixOf(key);
    if (prefix !== undefined) await this.#connection.run((client) => client.sadd(indexPrefix + prefix, key));
  }

  /** Versions without an index have stored vocabularies, which never expire: looked for once in the life of a process. */
  #adoptVocabularies(): Promise<void> {
    this.#adoption ??= (async () => {
      for (const key of await this.#scan(vocabularyKeyPrefix)) await this.#addToIndex(key);
    })();
    this.#adoption.catch(() => (this.#adoption = undefined));
    return this.#adoption;
  }

  async #scan(prefix: string): Promise<string[]> {
    const pattern = `${keyPrefix}${prefix.replaceAll(/[*?[\]\\^-]/g, String.raw`\$&`)}*`;
    const keys = new Set<string>();
    let cursor = '0';
    do {
      const from = cursor;
      const [next, batch] = await this.#connection.run((client) =>
        client.scan(from, 'MATCH', pattern, 'COUNT', scanBatch),
      );
      for (const name of batch) keys.add(name.slice(keyPrefix.length));
      cursor = next;
    } while (cursor !== '0');
    return [...keys];
  }

  close(): Promise<void> {
    this.#connection.close();
    return Promise.resolve();
  }
}

function redisKey(key: string): string {
  assertKey(key);
  return keyPrefix + key;
}
