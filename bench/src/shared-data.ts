import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

/** A data set that a benchmark needs is not on this machine; the message says where it is looked for. */
export class SharedDataError extends Error {
  override readonly name = 'SharedDataError';
}

/** The root of this repository. */
export const repositoryRoot = fileURLToPath(new URL('../..', import.meta.url));

/**
 * A directory of the shared data, which lies in `SHARED_DATA` or in `../shared/data` beside the repository.
 *
 * @throws SharedDataError when it is not there
 */
export function sharedDataDirectory(name: string): string {
  const root = process.env.SHARED_DATA ?? join(repositoryRoot, '..', 'shared', 'data');
  const directory = join(root, name);
  if (existsSync(directory)) return directory;
  throw new SharedDataError(`There is no ${directory}; set SHARED_DATA to the directory that holds "${name}".`);
}
