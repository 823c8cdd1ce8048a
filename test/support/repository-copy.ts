import { cp, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root, whatever directory the tests are started from. */
export const repositoryRoot = fileURLToPath(new URL('../../../', import.meta.url));

const directories = ['packages', 'services', 'bench', 'test', 'scripts'];
const settings = ['package.json', 'package-lock.json', '.npmrc', 'tsconfig.base.json'];
const rules = ['.dependency-cruiser.cjs', '.dependency-cruiser.tsconfig.json'];
const leftOut = /^(node_modules|dist|out|test-vectors|.*[.]tsbuildinfo)$/;

/** Copies the sources to a temporary directory, nothing installed and nothing built, and gives its path. */
export async function copyRepository(): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'tessera-copy-'));
  for (const name of [...directories, ...settings, ...rules]) {
    const filter = (path: string) => !leftOut.test(basename(path));
    await cp(join(repositoryRoot, name), join(copy, name), { recursive: true, filter });
  }
  return copy;
}
