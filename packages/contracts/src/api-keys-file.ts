import Type, { type Static } from 'typebox';
import { Value } from 'typebox/value';
import { ConfigError } from './config.js';
import { WebhookSecret } from './webhook.js';

/** Names of keys, as a regular expression. */
export const keyNamePattern = '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$';

const strict = { additionalProperties: false } as const;

/** A key of `API_KEYS_FILE`: everything but the key itself. */
export const NamedApiKey = Type.Object(
  {
    /** Shown in logs and metrics. */
    name: Type.String({ pattern: keyNamePattern }),
    /** SHA-256 of the key in hexadecimal. Keys are long and random, so that a slow hash would add nothing. */
    sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    created_at: Type.Optional(Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}' })),
    /** From when on the key is refused: a date, which begins in UTC, or a time with its zone. */
    expires_at: Type.Optional(
      Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}(T\\d{2}:\\d{2}(:\\d{2}([.]\\d+)?)?(Z|[+-]\\d{2}:\\d{2}))?$' }),
    ),
    /** Requests per minute, in place of `TESSERA_RATE_LIMIT_PER_MIN`. */
    rate_limit: Type.Optional(Type.Integer({ minimum: 1 })),
    /** Sign the webhooks of the key's requests, the newest first; in place of `TESSERA_WEBHOOK_SECRETS`. */
    webhook_secrets: Type.Optional(Type.Array(WebhookSecret, { minItems: 1, maxItems: 4 })),
  },
  strict,
);
export type NamedApiKey = Readonly<Static<typeof NamedApiKey>>;

/** What is in `API_KEYS_FILE`. The closing brace comes last, so that half of a file is never taken for all of it. */
const ApiKeysFile = Type.Object({ keys: Type.Array(NamedApiKey, { maxItems: 10_000 }) }, strict);

/**
 * The keys of an `API_KEYS_FILE`.
 *
 * @param text - of the file; no message repeats it, as it may have a key where its digest should be
 * @param file - named in messages
 * @throws ConfigError naming what is wrong, and where
 */
export function parseApiKeysFile(text: string, file: string): readonly NamedApiKey[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ConfigError(`${file} is not JSON.`);
  }
  if (!Value.Check(ApiKeysFile, value)) {
    const [finding] = Value.Errors(ApiKeysFile, value);
    throw new ConfigError(`${file} ${finding?.instancePath ?? ''} ${finding?.message ?? 'does not match its schema'}.`);
  }
  const seen = new Set<string>();
  for (const [index, { name, sha256, expires_at: expiry }] of value.keys.entries()) {
    if (seen.has(name)) throw new ConfigError(`${file} has two keys with the name ${name}.`);
    if (seen.has(sha256)) throw new ConfigError(`${file} has the digest of ${name} twice.`);
    if (expiry !== undefined && Number.isNaN(Date.parse(expiry))) {
      throw new ConfigError(`${file} /keys/${index}/expires_at is not a date.`);
    }
    seen.add(name).add(sha256);
  }
  return value.keys;
}

/** Whether a key with this `expires_at` is no longer accepted. */
export function isExpired(expiresAt: string | undefined, nowMs: number): boolean {
  return expiresAt !== undefined && Date.parse(expiresAt) <= nowMs;
}
