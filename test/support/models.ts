import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from './repository-copy.js';

/**
 * A directory with some of the models, until this process ends: `MODELS_DIR` of services, which load and warm up each of their
 * models at every start.
 */
export function linkModels(...names: readonly string[]): string {
  const directory = mkdtempSync(join(tmpdir(), 'tessera-models-'));
  for (const name of names) symlinkSync(join(repositoryRoot, 'models', name), join(directory, name));
  process.once('exit', () => {
    rmSync(directory, { recursive: true });
  });
  return directory;
}
