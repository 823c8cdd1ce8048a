import { isListedKey, type ApiKeys } from '../keys/api-keys.js';

/** The secrets that sign webhooks: of the API keys of a file, and those of the configuration for all others. */
export class WebhookSecrets {
  readonly #shared: readonly string[];
  readonly #keys: ApiKeys | undefined;

  constructor(shared: readonly string[], keys: ApiKeys | undefined) {
    this.#shared = shared;
    this.#keys = keys;
  }

  /**
   * The secrets for requests with a key, the newest first; none when there are none. A key that is gone from the file has
   * none: whoever knew its secret would not know the shared one.
   *
   * @param apiKey - name of the key; undefined for requests without one
   */
  of(apiKey: string | undefined): readonly string[] {
    if (apiKey === undefined || isListedKey(apiKey)) return this.#shared;
    const key = this.#keys?.named(apiKey);
    return key === undefined ? [] : (key.webhookSecrets ?? this.#shared);
  }
}
