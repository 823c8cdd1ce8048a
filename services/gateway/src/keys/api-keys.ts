import { timingSafeEqual } from 'node:crypto';
import { isExpired, type NamedApiKey } from '@tessera/contracts';
import { digestOfKey } from '@tessera/runtime/key-file';

/** A key as the rest of the gateway knows it. */
export interface ApiKey {
  /** Of a key of `API_KEYS` its place there, `API_KEYS#1`; no name in a file is like that. */
  readonly name: string;
  /** Requests per minute, where the key has a limit of its own. */
  readonly rateLimit?: number | undefined;
  /** Sign the webhooks of its requests, where it has its own; the newest first. */
  readonly webhookSecrets?: readonly string[] | undefined;
}

/** Beginning of the names of keys of `API_KEYS`. */
const listedPrefix = 'API_KEYS#';

/** Whether the name is that of a key of `API_KEYS`. */
export function isListedKey(name: string): boolean {
  return name.startsWith(listedPrefix);
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
    this.#configured = keys.map((key, index) => ({ name: `${listedPrefix}${index + 1}`, digest: digestOfKey(key) }));
  }

  /** Puts these in place of the named keys so far. */
  replaceNamed(keys: readonly NamedApiKey[]): void {
    this.#named = keys.map((key) => ({
      name: key.name,
      digest: Buffer.from(key.sha256, 'hex'),
      expiresAt: key.expires_at,
      rateLimit: key.rate_limit,
      webhookSecrets: key.webhook_secrets,
    }));
  }

  /** The key of the file with this name, expired or not; undefined when it is not there, or no longer. */
  named(name: string): ApiKey | undefined {
    return this.#named.find((key) => key.name === name);
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
