import { lookup } from 'node:dns/promises';
import { BlockList, isIPv6 } from 'node:net';
import type { Config } from '@tessera/contracts';
import type { GatewayApp } from './context.js';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether only this machine reaches a server that listens on the host: an address, or a name that has one. */
export async function isLoopback(host: string): Promise<boolean> {
  if (host === 'localhost') return true;
  try {
    const addresses = await lookup(host, { all: true });
    return addresses.every(({ address }) => loopback.check(address, isIPv6(address) ? 'ipv6' : 'ipv4'));
  } catch {
    return false;
  }
}

/** What to say about a service that others can reach and that asks for no key; undefined when all is well. */
export async function exposureWarning({ HOST, API_KEYS, API_KEYS_FILE }: Config): Promise<string | undefined> {
  if (API_KEYS.length > 0 || API_KEYS_FILE !== undefined || (await isLoopback(HOST))) return undefined;
  return `OPEN TO EVERYONE: anyone who reaches ${HOST} can use this service, because neither API_KEYS nor API_KEYS_FILE is set.`;
}

/**
 * Makes a gateway listen on `HOST` and `PORT`, and warns on stderr and in the log when it is open to everyone.
 *
 * @returns the line to print once the service is ready, which repeats the warning
 */
export async function listen(gateway: GatewayApp, config: Config): Promise<string> {
  const warning = await exposureWarning(config);
  if (warning !== undefined) {
    gateway.log.warn(warning);
    process.stderr.write(framed(warning));
  }
  const url = await gateway.listen({ host: config.HOST, port: config.PORT });
  const line = `Tessera is ready: ${url}   (open it in a browser; the API is described at ${url}/docs)`;
  return warning === undefined ? `\n${line}\n\n` : `\n${line}   ${warning}\n\n`;
}

function framed(warning: string): string {
  const line = '!'.repeat(warning.length + 6);
  const advice = 'Set API_KEYS or API_KEYS_FILE, or HOST=127.0.0.1 to serve this machine alone.';
  return `\n${line}\n!! ${warning} !!\n!! ${advice.padEnd(warning.length)} !!\n${line}\n\n`;
}
