import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Fingerprint of everything that decides what a build yields: this package's compiled code and data. The weight files
 * are part of it through their checksums, which are in the code.
 */
export async function builderFingerprint(): Promise<string> {
  const directory = fileURLToPath(new URL('.', import.meta.url));
  const names = await readdir(directory, { recursive: true });
  const sources = names.filter((name) => /\.(js|json)$/.test(name) && !name.endsWith('.test.js')).sort();
  const hash = createHash('sha256');
  for (const name of sources) {
    hash
      .update(name)
      .update('\0')
      .update(await readFile(join(directory, name)));
  }
  return hash.digest('hex');
}
