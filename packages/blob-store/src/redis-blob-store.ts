import { RedisConnection } from '@tessera/runtime/redis';
import { assertExpiry, assertKey, type BlobExpiry, type BlobStore } from './blob-store.js';

const keyPrefix = 'tessera:blob:';
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

  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  async put(key: string, bytes: Uint8Array, expiry: BlobExpiry): Promise<void> {
    const name = redisKey(key);
    assertExpiry(expiry);
    const value = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    await this.#connection.run((client) =>
      expiry.ttlMs === null ? client.set(name, value) : client.set(name, value, 'PX', Math.ceil(expiry.ttlMs)),
    );
  }

  async putNew(key: string, bytes: Uint8Array, expiry: BlobExpiry): Promise<boolean> {
    const name = redisKey(key);
    assertExpiry(expiry);
    const value = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
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
