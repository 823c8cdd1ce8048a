import { timingSafeEqual } from 'node:crypto';
import { isExpired, type NamedApiKey } from '@tessera/contracts';
import { digestOfKey } from '@tessera/runtime/key-file';

/** A key as the rest of the gateway knows it. */
export interface ApiKey {
  /** Of a key of `API_KEYS` its place there, `API_KEYS#1`; no name in a file is like that. */
  readonly name: string;
  /** Requests per minute, where the key has a limit of its own. */
  readonly rateLimit?: number | undefined;
}

interface StoredKey extends ApiKey {
  readonly digest: Buffer;
  readonly expiresAt?: string | undefined;
}

/** The keys that are accepted: those of `API_KEYS`, and those of a file, which may change. */
export class ApiKeys {
  readonly #configured: readonly StoredKey[];
  #named: readonly StoredKey[] = [];

  constructor(keys: readonly string[]) {
    this.#configured = keys.map((key, index) => ({ name: `API_KEYS#${index + 1}`, digest: digestOfKey(key) }));
  }

  /** Puts these in place of the named keys so far. */
  replaceNamed(keys: readonly NamedApiKey[]): void {
    this.#named = keys.map(({ name, sha256, expires_at: expiresAt, rate_limit: rateLimit }) => {
      return { name, digest: Buffer.from(sha256, 'hex'), expiresAt, rateLimit };
    });
  }

  /**
   * The key that was given, in a time that depends on neither it nor the accepted ones, but on how many there are. A
   * key that is both in the file and in `API_KEYS` is the one of the file, with its expiry.
   */
  find(given: string): ApiKey | 'expired' | 'unknown' {
    const digest = digestOfKey(given);
    let found: StoredKey | undefined;
    for (const keys of [this.#configured, this.#named]) {
      for (const key of keys) found = timingSafeEqual(digest, key.digest) ? key : found;
    }
    if (found === undefined) return 'unknown';
    return isExpired(found.expiresAt, Date.now()) ? 'expired' : found;
  }
}
