import { open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ignoreMissing, isAbandoned, moveIntoPlace, writeAside } from './aside-files.js';
import { assertCacheKey, type BlobCache, type BlobCacheLimits, type CacheState } from './blob-cache.js';

const blobPattern = /^[\dA-Za-z-]+\.cached$/;
/** Making room frees this share of the limit at once, so that the directory is not read for every blob. */
const roomShare = 0.1;
/** The directory is read at least this often, since other processes may store in it too. */
const rescanAfterMs = 600_000;
/** Files that are looked at side by side. */
const filesAtOnce = 32;

interface StoredFile {
  readonly path: string;
  readonly bytes: number;
  readonly usedAt: number;
}

export interface FileBlobCacheOptions extends BlobCacheLimits {
  /** Created if missing. */
  readonly directory: string;
}

/** A {@link BlobCache} in a directory: one file a blob, whose modification time is its last use. */
export class FileBlobCache implements BlobCache {
  readonly #options: FileBlobCacheOptions;
  #storedBytes = 0;
  /** When the directory was read last. */
  #scannedAt = -Infinity;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: FileBlobCacheOptions) {
    this.#options = options;
  }

  async get(key: string): Promise<Uint8Array | null> {
    const file = await open(this.#path(key), 'r').catch(ignoreMissing);
    if (file === undefined) return null;
    try {
      const { mtimeMs } = await file.stat();
      const now = Date.now();
      if (mtimeMs + this.#options.ttlMs <= now) return null;
      const bytes = await file.readFile();
      await file.utimes(now / 1000, now / 1000);
      return bytes;
    } finally {
      await file.close();
    }
  }

  put(key: string, bytes: Uint8Array): Promise<CacheState> {
    const path = this.#path(key);
    return this.#inTurn(async () => {
      if (bytes.byteLength > this.#options.limitBytes) return { storedBytes: this.#storedBytes, evicted: 0 };
      const replaced = (await stat(path).catch(ignoreMissing))?.size ?? 0;
      const added = bytes.byteLength - replaced;
      const evicted = await this.#makeRoom(added, path);
      await moveIntoPlace(await writeAside(this.#options.directory, [bytes]), path);
      this.#storedBytes += added;
      return { storedBytes: this.#storedBytes, evicted };
    });
  }

  trim(): Promise<CacheState> {
    return this.#inTurn(async () => {
      const evicted = await this.#makeRoom(0);
      return { storedBytes: this.#storedBytes, evicted };
    });
  }

  async close(): Promise<void> {
    await this.#turn.catch(() => undefined);
  }

  /** Reads the directory, unless it is known that as many bytes have room, and drops what is too much. */
  async #makeRoom(addedBytes: number, keptPath?: string): Promise<number> {
    const { limitBytes, ttlMs } = this.#options;
    const now = Date.now();
    const hasRoom = this.#storedBytes + addedBytes <= limitBytes;
    if (hasRoom && now - this.#scannedAt < rescanAfterMs) return 0;
    const files = (await this.#files()).sort((a, b) => a.usedAt - b.usedAt);
    let stored = files.reduce((sum, { bytes }) => sum + bytes, 0);
    const target = stored + addedBytes <= limitBytes ? limitBytes : Math.max(0, limitBytes * (1 - roomShare));
    let evicted = 0;
    for (const { path, bytes, usedAt } of files) {
      const isExpired = usedAt + ttlMs <= now;
      if (path === keptPath || (!isExpired && stored + addedBytes <= target)) continue;
      await rm(path, { force: true });
      stored -= bytes;
      if (!isExpired) evicted += 1;
    }
    this.#storedBytes = stored;
    this.#scannedAt = now;
    return evicted;
  }

  /** The blobs in the directory; removes what processes that died have left. */
  async #files(): Promise<StoredFile[]> {
    const { directory } = this.#options;
    const names = (await readdir(directory).catch(ignoreMissing)) ?? [];
    const files: StoredFile[] = [];
    for (let start = 0; start < names.length; start += filesAtOnce) {
      await Promise.all(
        names.slice(start, start + filesAtOnce).map(async (name) => {
          const path = join(directory, name);
          const found = await stat(path).catch(ignoreMissing);
          if (found === undefined) return;
          if (blobPattern.test(name)) files.push({ path, bytes: found.size, usedAt: found.mtimeMs });
          else if (isAbandoned(name, found)) await rm(path, { force: true });
        }),
      );
    }
    return files;
  }

  #path(key: string): string {
    assertCacheKey(key);
    return join(this.#options.directory, `${key}.cached`);
  }

  /** One change of this process after the other, so that the bytes are counted right. */
  #inTurn<Result>(change: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.catch(() => undefined).then(change);
    this.#turn = result;
    result.catch(() => undefined);
    return result;
  }
}
