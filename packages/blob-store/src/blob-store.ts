/** How long a blob is kept, counted from now; null keeps it until it is deleted. */
export interface BlobExpiry {
  readonly ttlMs: number | null;
}

/**
 * Bytes under a key, each with an expiry. Safe to use from any number of processes on the same directory or server.
 *
 * Keys are 1 to 120 bytes of UTF-8; other keys throw a `RangeError`. An expired blob is gone for every method.
 */
export interface BlobStore {
  /** Stores or replaces the blob; once it resolves, the blob survives the death of this process. */
  put(key: string, bytes: Uint8Array, expiry: BlobExpiry): Promise<void>;
  /** As `put`, unless there is a blob already; of several callers at the same time one stores it and gets true. */
  putNew(key: string, bytes: Uint8Array, expiry: BlobExpiry): Promise<boolean>;
  get(key: string): Promise<Uint8Array | null>;
  has(key: string): Promise<boolean>;
  /** Renews the expiry; false when there is no such blob. */
  touch(key: string, expiry: BlobExpiry): Promise<boolean>;
  /** Removes the blob if there is one. */
  delete(key: string): Promise<void>;
  /** The keys that start with the prefix, in no particular order. */
  list(prefix: string): Promise<string[]>;
  close(): Promise<void>;
}

const longestKeyBytes = 120;

/** Throws a `RangeError` unless the key is 1 to 120 bytes of well-formed UTF-8. */
export function assertKey(key: string): void {
  const encoded = Buffer.from(key);
  if (encoded.length === 0 || encoded.length > longestKeyBytes || encoded.toString() !== key) {
    throw new RangeError(`A blob key is 1 to ${longestKeyBytes} bytes of UTF-8`);
  }
}

/** Throws a `RangeError` unless the time to live is null or a positive number of milliseconds. */
export function assertExpiry({ ttlMs }: BlobExpiry): void {
  if (ttlMs !== null && !(Number.isFinite(ttlMs) && ttlMs > 0)) {
    throw new RangeError(`ttlMs is ${ttlMs}; a blob is kept for a positive time, or null for ever`);
  }
}
