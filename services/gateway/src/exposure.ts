import { once } from 'node:events';
import { createServer } from 'node:net';
import { ConfigError, type Config } from '@tessera/contracts';
import { exposureWarning, warnOfExposure } from '@tessera/runtime/process';
import type { GatewayApp } from './context.js';

const risk = 'use this service, because neither API_KEYS nor API_KEYS_FILE is set';
const advice = 'Set API_KEYS or API_KEYS_FILE, or HOST=127.0.0.1 to serve this machine alone.';

/**
 * Finds out whether a gateway can listen, before what takes long.
 *
 * @throws ConfigError when another program listens there
 */
export async function requireFreePort({ HOST, PORT }: Pick<Config, 'HOST' | 'PORT'>): Promise<void> {
  const server = createServer();
  try {
    server.listen(PORT, HOST);
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new ConfigError(`PORT ${PORT} of ${HOST} is taken by another program; set another one.`, { cause: error });
  }
  server.close();
  await once(server, 'close');
}

/**
 * Makes a gateway listen on `HOST` and `PORT`, and warns on stderr and in the log when it is open to everyone.
 *
 * @returns the line to print once the service is ready, which repeats the warning
 */
export async function listen(gateway: GatewayApp, config: Config): Promise<string> {
  const warning = await exposureWarning(config, risk);
  if (warning !== undefined) warnOfExposure(gateway.log, warning, advice);
  const url = await gateway.listen({ host: config.HOST, port: config.PORT });
  const line = `Tessera is ready: ${url}   (open it in a browser; the API is described at ${url}/docs)`;
  return warning === undefined ? `\n${line}\n\n` : `\n${line}   ${warning}\n\n`;
}
