import { createHash } from 'node:crypto';
import { link, mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { TesseraError } from '@tessera/contracts';
import {
  asidePath,
  ignoreExisting,
  ignoreMissing,
  isAbandoned,
  isAside,
  moveIntoPlace,
  writeAside,
} from './aside-files.js';
import { encodeHeader, readBlob, readHeader, writeExpiry } from './blob-file.js';
import { listedPrefixes, listedPrefixOf } from './blob-keys.js';
import { assertExpiry, assertKey, type BlobExpiry, type BlobStore } from './blob-store.js';

const blobSuffix = '.blob';
const shardPattern = /^[0-9a-f]{2}$/;
/** The directories of blobs whose keys are listed, beside those of the others. */
const listedDirectories = new Map(listedPrefixes.map((prefix) => [prefix, prefix.replace('/', '')]));
const blobPattern = /^(?:[0-9a-f]{2})+\.blob$/;

export interface FileBlobStoreOptions {
  /** Created if missing; may be shared by several processes. */
  readonly directory: string;
  /** Pause between two sweeps for expired blobs. */
  readonly sweepIntervalMs?: number;
  /** Most files that one sweep reads; the next one continues from there. */
  readonly sweepFiles?: number;
  /** Gets the error of a sweep that fails, for example because a directory may not be read. */
  readonly onError: (error: Error) => void;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/**
 * Opens a {@link BlobStore} on a directory: one file a blob, replaced atomically. Nothing is synced to the disk, so what
 * was written in the last seconds may not survive a loss of power, just like the jobs of the embedded queue. Every method
 * rejects with `TSR_QUEUE_UNAVAILABLE` while the disk is full, may not be written or has failed.
 */
export async function openFileBlobStore(options: FileBlobStoreOptions): Promise<FileBlobStore> {
  await mkdir(options.directory, { recursive: true });
  const store = new FileBlobStore(options);
  await store.adoptListed();
  return store;
}

export class FileBlobStore implements BlobStore {
  readonly #directory: string;
  readonly #now: () => number;
  readonly #sweepFiles: number;
  readonly #sweepTimer: NodeJS.Timeout;
  readonly #onError: (error: Error) => void;
  #sweeping: Promise<void> = Promise.resolve();
  #sweepFrom = 0;

  constructor(options: FileBlobStoreOptions) {
    this.#directory = options.directory;
    this.#now = options.now ?? Date.now;
    this.#sweepFiles = options.sweepFiles ?? 10_000;
    this.#onError = options.onError;
    this.#sweepTimer = setInterval(() => {
      this.#sweeping = this.#sweeping.then(() => this.sweep()).catch(this.#onError);
    }, options.sweepIntervalMs ?? 60_000);
    this.#sweepTimer.unref();
  }

  put(key: string, bytes: Uint8Array, expiry: BlobExpiry): Promise<void> {
    return onDisk(async () => {
      const { path } = this.#locate(key);
      const aside = await this.#writeAside(key, bytes, expiry);
      await moveIntoPlace(aside, path);
    });
  }

  putNew(key: string, bytes: Uint8Array, expiry: BlobExpiry): Promise<boolean> {
    return onDisk(async () => {
      const { path } = this.#locate(key);
      const aside = await this.#writeAside(key, bytes, expiry);
      try {
        if (await linkNew(aside, path)) return true;
        // The file of an expired blob is in the way until it is swept.
        if (await this.#isLive(path)) return false;
        await this.#removeUnlessLive(path);
        return await linkNew(aside, path);
      } finally {
        await rm(aside, { force: true });
      }
    });
  }

  get(key: string): Promise<Uint8Array | null> {
    return onDisk(() =>
      this.#withFile(this.#locate(key).path, 'r', null, async (file) => {
        const blob = await readBlob(file);
        return blob !== null && blob.expiresAt > this.#now() ? blob.bytes : null;
      }),
    );
  }

  has(key: string): Promise<boolean> {
    return onDisk(() => this.#isLive(this.#locate(key).path));
  }

  touch(key: string, expiry: BlobExpiry): Promise<boolean> {
    return onDisk(() => {
      const expiresAt = this.#expiresAt(expiry);
      return this.#withLive(this.#locate(key).path, 'r+', async (file) => {
        await writeExpiry(file, expiresAt);
        return true;
      });
    });
  }

  delete(key: string): Promise<void> {
    return onDisk(() => rm(this.#locate(key).path, { force: true }));
  }

  list(prefix: string): Promise<string[]> {
    return onDisk(() => this.#list(prefix));
  }

  async #list(prefix: string): Promise<string[]> {
    const encodedPrefix = Buffer.from(prefix).toString('hex');
    const keys: string[] = [];
    const listed = listedDirectories.get(prefix);
    for (const shard of listed === undefined ? await this.#shards() : [join(this.#directory, listed)]) {
      for (const name of await entries(shard, 'files')) {
        if (!blobPattern.test(name) || !name.startsWith(encodedPrefix)) continue;
        if (!(await this.#isLive(join(shard, name)))) continue;
        keys.push(Buffer.from(name.slice(0, -blobSuffix.length), 'hex').toString());
      }
    }
    return keys;
  }

  /** Moves blobs whose keys are listed from where earlier versions kept them. */
  async adoptListed(): Promise<void> {
    for (const shard of await this.#shards()) {
      for (const name of await entries(shard, 'files')) {
        if (!blobPattern.test(name)) continue;
        const key = Buffer.from(name.slice(0, -blobSuffix.length), 'hex').toString();
        const { shard: place, path } = this.#locate(key);
        if (place === shard || listedPrefixOf(key) === undefined) continue;
        await mkdir(place, { recursive: true });
        await rename(join(shard, name), path).catch(ignoreMissing);
      }
    }
  }

  /**
   * Removes expired blobs and abandoned temporary files, reading a bounded number of files a call.
   * Damaged files under a blob's name go too; files of other names stay.
   */
  async sweep(): Promise<void> {
    const shards = await this.#shards();
    let budget = this.#sweepFiles;
    for (let swept = 0; swept < shards.length && budget > 0; swept++) {
      const shard = shards[this.#sweepFrom++ % shards.length];
      if (shard === undefined) return;
      for (const name of await entries(shard, 'files')) {
        budget--;
        const path = join(shard, name);
        if (blobPattern.test(name)) await this.#removeUnlessLive(path);
        else if (isAside(name)) await removeIfAbandoned(path);
      }
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#sweepTimer);
    await this.#sweeping;
  }

  #isLive(path: string): Promise<boolean> {
    return this.#withLive(path, 'r', () => Promise.resolve(true));
  }

  /** Whether there is a blob in the file that has not expired, and using it succeeds. */
  #withLive(path: string, flags: 'r' | 'r+', use: (file: FileHandle) => Promise<boolean>): Promise<boolean> {
    return this.#withFile(path, flags, false, async (file) => {
      const header = await readHeader(file);
      return header !== null && header.expiresAt > this.#now() && (await use(file));
    });
  }

  /** Uses a file; `missing` when there is none. Nobody waits until it is closed. */
  async #withFile<Result>(
    path: string,
    flags: 'r' | 'r+',
    missing: Result,
    use: (file: FileHandle) => Promise<Result>,
  ): Promise<Result> {
    const file = await open(path, flags).catch(ignoreMissing);
    if (file === undefined) return missing;
    try {
      return await use(file);
    } finally {
      file.close().catch(this.#onError);
    }
  }

  /**
   * Another process may renew the blob between the check and the removal, so it is first moved to a name that no other
   * process uses, checked again there, and moved back if it has not expired.
   */
  async #removeUnlessLive(path: string): Promise<void> {
    if (await this.#isLive(path)) return;
    const aside = asidePath(join(path, '..'));
    await rename(path, aside).catch(ignoreMissing);
    if (await this.#isLive(aside)) await link(aside, path).catch(ignoreExisting);
    await rm(aside, { force: true });
  }

  /** Writes the blob to a file of its own beside its place, to be moved or linked there. @returns its path */
  #writeAside(key: string, bytes: Uint8Array, expiry: BlobExpiry): Promise<string> {
    const header = encodeHeader({ expiresAt: this.#expiresAt(expiry), sizeBytes: bytes.byteLength });
    return writeAside(this.#locate(key).shard, [header, bytes]);
  }

  #locate(key: string): { shard: string; path: string } {
    assertKey(key);
    const listed = listedDirectories.get(listedPrefixOf(key) ?? '');
    const shard = join(this.#directory, listed ?? createHash('sha256').update(key).digest('hex').slice(0, 2));
    return { shard, path: join(shard, Buffer.from(key).toString('hex') + blobSuffix) };
  }

  #expiresAt(expiry: BlobExpiry): number {
    assertExpiry(expiry);
    return expiry.ttlMs === null ? Infinity : this.#now() + expiry.ttlMs;
  }

  async #shards(): Promise<string[]> {
    const names = await entries(this.#directory, 'directories');
    const listed = new Set(listedDirectories.values());
    return names
      .filter((name) => shardPattern.test(name) || listed.has(name))
      .map((name) => join(this.#directory, name));
  }
}

/** @throws TesseraError `TSR_QUEUE_UNAVAILABLE` in place of an error of the file system */
async function onDisk<Result>(operation: () => Promise<Result>): Promise<Result> {
  try {
    return await operation();
  } catch (cause) {
    if (!(cause instanceof Error && 'syscall' in cause)) throw cause;
    throw new TesseraError('TSR_QUEUE_UNAVAILABLE', 'The data directory cannot be used.', { cause });
  }
}

async function entries(directory: string, kind: 'files' | 'directories'): Promise<string[]> {
  const found = (await readdir(directory, { withFileTypes: true }).catch(ignoreMissing)) ?? [];
  return found.filter((entry) => (kind === 'files' ? entry.isFile() : entry.isDirectory())).map(({ name }) => name);
}

async function removeIfAbandoned(path: string): Promise<void> {
  const stats = await stat(path).catch(ignoreMissing);
  if (stats !== undefined && isAbandoned(path, stats)) await rm(path, { force: true });
}

/** Gives the file a second name, unless there is a file of that name. */
async function linkNew(path: string, name: string): Promise<boolean> {
  try {
    await link(path, name);
    return true;
  } catch (error) {
    ignoreExisting(error);
    return false;
  }
}
