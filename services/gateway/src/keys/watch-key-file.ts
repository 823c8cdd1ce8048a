import { stat } from 'node:fs/promises';
import type { NamedApiKey } from '@tessera/contracts';
import { readKeyFile } from '@tessera/runtime/key-file';
import type { FastifyBaseLogger } from 'fastify';

/** Asking works on every file system, mounted secrets and network shares included; being notified does not. */
const pollMs = 1_000;
/** How often the log repeats that the file cannot be used. */
const complaintMs = 60_000;

/** Who gets the keys of a file. */
export interface KeyFileWatcher {
  readonly file: string;
  readonly log: FastifyBaseLogger;
  /** Gets the keys at once, and again after every change. */
  readonly onKeys: (keys: readonly NamedApiKey[]) => void;
  /** Gets whether the file, as it is now, cannot be used. */
  readonly onBroken: (isBroken: boolean) => void;
}

/**
 * Reads a file of keys, and again whenever it changes, until the returned function is called. A file that is gone or
 * broken leaves the keys as they are.
 *
 * @throws ConfigError when it cannot be used now
 */
export async function watchKeyFile({ file, log, onKeys, onBroken }: KeyFileWatcher): Promise<() => void> {
  // Taken before the file is read: what is written meanwhile counts as the next change.
  let seen = await versionOf(file);
  let names = new Set<string>();
  const read = async () => {
    const keys = await readKeyFile(file);
    onKeys(keys);
    const before = names;
    names = new Set(keys.map(({ name }) => name));
    return {
      keys: keys.length,
      added: [...names].filter((name) => !before.has(name)),
      removed: [...before].filter((name) => !names.has(name)),
    };
  };
  const { keys } = await read();
  log.info({ file, keys }, 'API keys read');

  let complainedAt: number | undefined;
  const poll = async () => {
    const version = await versionOf(file);
    const isUnchanged = version === seen;
    if (isUnchanged && complainedAt === undefined) return;
    if (isUnchanged && complainedAt !== undefined && performance.now() - complainedAt < complaintMs) return;
    seen = version;
    try {
      log.info({ file, ...(await read()) }, 'API keys read again');
      complainedAt = undefined;
      onBroken(false);
    } catch (error) {
      complainedAt = performance.now();
      onBroken(true);
      log.error({ file, err: error }, 'API_KEYS_FILE CANNOT BE USED: the keys that were read before stay in force');
    }
  };
  let polling = false;
  const timer = setInterval(() => {
    if (polling) return;
    polling = true;
    void poll().finally(() => (polling = false));
  }, pollMs).unref();
  return () => {
    clearInterval(timer);
  };
}

/** Differs once the file was written or replaced; that of a file which is not there is empty. */
async function versionOf(file: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join();
  } catch {
    return '';
  }
}
