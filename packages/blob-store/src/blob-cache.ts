/** What a cache holds after a change. */
export interface CacheState {
  readonly storedBytes: number;
  /** How many blobs the change has dropped to make room, those that expired not among them. */
  readonly evicted: number;
}

/**
 * Blobs that can be computed again: as many as fit a number of bytes, those that were used last. Safe to use from any number
 * of processes on the same directory or server; they should have the same limit.
 *
 * Keys are 1 to 100 letters, digits and hyphens; others throw a `RangeError`.
 */
export interface BlobCache {
  /** The blob, which counts as used; null when there is none. */
  get(key: string): Promise<Uint8Array | null>;
  /** Stores the blob, unless it is larger than the limit, and drops the least recently used ones until all fit. */
  put(key: string, bytes: Uint8Array): Promise<CacheState>;
  /** Drops what has expired and what is too much. To be called every now and then, also by who stores nothing. */
  trim(): Promise<CacheState>;
  close(): Promise<void>;
}

export interface BlobCacheLimits {
  readonly limitBytes: number;
  /** How long a blob is kept after its last use. */
  readonly ttlMs: number;
}

/** Throws a `RangeError` unless the key is 1 to 100 letters, digits and hyphens. */
export function assertCacheKey(key: string): void {
  if (!/^[\dA-Za-z-]{1,100}$/.test(key)) throw new RangeError('A cache key is 1 to 100 letters, digits and hyphens');
}
