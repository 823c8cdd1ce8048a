import { realpath } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { UsageError } from './command-errors.js';

/**
 * @param option - that names the files to write
 * @param read - real paths of what is read
 * @throws UsageError when one of the files is read, by whatever name
 */
export async function keepPhotos(option: string, files: readonly string[], read: ReadonlySet<string>): Promise<void> {
  for (const file of files) {
    if (await isRead(file, read)) {
      throw new UsageError(`--${option} would overwrite ${file}, which is read: name another file.`);
    }
  }
}

/**
 * What is written among photos would be one of them the next time.
 *
 * @param read - real paths of what is read
 * @throws UsageError when a file or directory is, or would be, in a directory that is read
 */
export async function keepOut(option: string, path: string, read: ReadonlySet<string>): Promise<void> {
  for (let place = resolve(path); ; place = dirname(place)) {
    if (await isRead(place, read)) {
      throw new UsageError(
        `--${option} ${path} is among the photos that are read: name a place outside their directory.`,
      );
    }
    if (place === dirname(place)) return;
  }
}

async function isRead(path: string, read: ReadonlySet<string>): Promise<boolean> {
  const real = await realpath(path).catch(() => undefined);
  return real !== undefined && read.has(real);
}
