import { ConfigError, type Config } from '@tessera/contracts';
import type { GatewayApp } from '../context.js';
import type { GatewayMetrics } from '../metrics.js';
import { ApiKeys } from './api-keys.js';
import { watchKeyFile } from './watch-key-file.js';

/**
 * The keys that the configuration names, or undefined when it names none and the service is open. Those of a file follow
 * it until the server closes.
 *
 * @throws ConfigError when the file cannot be used
 */
export async function openApiKeys(
  app: GatewayApp,
  { API_KEYS: configured, API_KEYS_FILE: file }: Config,
  { keyFileBroken }: GatewayMetrics,
): Promise<ApiKeys | undefined> {
  if (configured.length === 0 && file === undefined) return undefined;
  const keys = new ApiKeys(configured);
  if (file === undefined) return keys;
  const stop = await watchKeyFile({
    file,
    log: app.log,
    onKeys: (named) => {
      keys.replaceNamed(named);
    },
    onBroken: (isBroken) => {
      keyFileBroken.set(Number(isBroken));
    },
  }).catch((error: unknown) => {
    throw new ConfigError(`API_KEYS_FILE: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  });
  app.addHook('onClose', stop);
  return keys;
}
