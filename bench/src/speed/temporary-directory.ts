import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';

const removal = { recursive: true, force: true, maxRetries: 5 } as const;

/**
 * Works in a directory that is removed afterwards, also when SIGINT or SIGTERM ends the process.
 *
 * @param work - starts child processes with the signal, which ends them before the directory is removed
 */
export async function inTemporaryDirectory<T>(
  prefix: string,
  work: (directory: string, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), prefix));
  const stopped = new AbortController();
  const stop = (signal: 'SIGINT' | 'SIGTERM') => {
    stopped.abort();
    rmSync(directory, removal);
    process.exit(128 + constants.signals[signal]);
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    return await work(directory, stopped.signal);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    rmSync(directory, removal);
  }
}
