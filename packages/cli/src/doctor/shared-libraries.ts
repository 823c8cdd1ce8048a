import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

/**
 * The directories in which the system's loader looks for shared libraries: those of `LD_LIBRARY_PATH` first, then those of
 * its cache (`ldconfig -p`). On systems without `ldconfig` the first ones alone.
 */
export async function loaderDirectories(libraryPath: string | undefined): Promise<string[]> {
  const own = (libraryPath ?? '').split(':').filter((directory) => directory !== '');
  const { stdout } = await promisify(execFile)('ldconfig', ['-p'], {
    env: { ...process.env, PATH: `${process.env.PATH ?? ''}:/sbin:/usr/sbin` },
    maxBuffer: 64 * 1024 * 1024,
  }).catch(() => ({ stdout: '' }));
  const cached = [...stdout.matchAll(/=> (\/.+)$/gm)].map(([, path = '']) => dirname(path));
  return [...new Set([...own, ...cached])];
}

/** Names of all shared libraries in some directories; those that cannot be read have none. */
export async function librariesIn(directories: readonly string[]): Promise<Set<string>> {
  const names = await Promise.all(directories.map((directory) => readdir(directory).catch(() => [])));
  return new Set(names.flat().filter((name) => name.includes('.so')));
}
