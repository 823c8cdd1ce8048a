import { lookup } from 'node:dns/promises';
import { BlockList, isIPv6 } from 'node:net';
import type { Config } from '@tessera/contracts';
import type { Logger } from 'pino';

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

/**
 * What to say about a server on `HOST` that others can reach, in a deployment without API keys; undefined when all is well.
 *
 * @param risk - what anyone can do, and why
 */
export async function exposureWarning(
  { HOST, API_KEYS, API_KEYS_FILE }: Config,
  risk: string,
): Promise<string | undefined> {
  if (API_KEYS.length > 0 || API_KEYS_FILE !== undefined || (await isLoopback(HOST))) return undefined;
  return `OPEN TO EVERYONE: anyone who reaches ${HOST} can ${risk}.`;
}

/** Warns in the log, and in a frame on stderr with what to do. */
export function warnOfExposure(log: Pick<Logger, 'warn'>, warning: string, advice: string): void {
  log.warn(warning);
  const width = Math.max(warning.length, advice.length);
  const line = '!'.repeat(width + 6);
  const rows = [warning, advice].map((text) => `!! ${text.padEnd(width)} !!`);
  process.stderr.write(`\n${[line, ...rows, line].join('\n')}\n\n`);
}
