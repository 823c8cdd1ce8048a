import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A data set that a benchmark needs is not on this machine; the message says where it is looked for. */
export class SharedDataError extends Error {
  override readonly name = 'SharedDataError';
}

/** The root of this repository. */
export const repositoryRoot = fileURLToPath(new URL('../../../..', import.meta.url));

/** Where a directory of the shared data lies: in `SHARED_DATA` or in `../shared/data` beside the repository. */
function sharedDataPath(name: string): string {
  return join(process.env.SHARED_DATA ?? join(repositoryRoot, '..', 'shared', 'data'), name);
}

export function hasSharedData(name: string): boolean {
  return existsSync(sharedDataPath(name));
}

/**
 * A directory of the shared data.
 *
 * @throws SharedDataError when it is not there
 */
export function sharedDataDirectory(name: string): string {
  const directory = sharedDataPath(name);
  if (existsSync(directory)) return directory;
  throw new SharedDataError(`There is no ${directory}; set SHARED_DATA to the directory that holds "${name}".`);
}
