import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from './command-errors.js';

const imageNames = /\.(jpe?g|png|webp|avif|gif|tiff?|bmp)$/i;

/**
 * Paths of the images below a directory, with slashes, in order. Links are followed, and every file is there once, under
 * its own name where that is below the directory. A link to nothing is there too: whoever reads it reports it.
 *
 * @throws UsageError when there are none, or a directory cannot be read
 */
export async function imagesBelow(directory: string): Promise<string[]> {
  const walk = new Walk(directory);
  await walk.visit('');
  if (walk.images.length === 0) throw new UsageError(`There are no images in ${directory}.`);
  return walk.images.sort();
}

class Walk {
  readonly images: string[] = [];
  readonly #directory: string;
  /** Real paths of the files and directories so far. */
  readonly #visited = new Set<string>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Links come last, so that what they lead to has its own name where it has one. */
  async visit(start: string): Promise<void> {
    const links: string[] = [];
    const directories = [start];
    for (let path = directories.pop(); path !== undefined; path = directories.pop()) {
      if (!(await this.#isNew(path))) continue;
      for (const entry of await entriesOf(join(this.#directory, path))) {
        const below = path === '' ? entry.name : `${path}/${entry.name}`;
        if (entry.isSymbolicLink()) links.push(below);
        else if (entry.isDirectory()) directories.push(below);
        else if (entry.isFile()) await this.#take(below);
      }
    }
    for (const link of links.sort()) await this.#follow(link);
  }

  async #follow(link: string): Promise<void> {
    const target = await stat(join(this.#directory, link)).catch(() => undefined);
    if (target?.isDirectory() === true) await this.visit(link);
    else if (target === undefined || target.isFile()) await this.#take(link);
  }

  async #take(path: string): Promise<void> {
    if (imageNames.test(path) && (await this.#isNew(path))) this.images.push(path);
  }

  async #isNew(path: string): Promise<boolean> {
    const place = join(this.#directory, path);
    const real = await realpath(place).catch(() => place);
    if (this.#visited.has(real)) return false;
    this.#visited.add(real);
    return true;
  }
}

function entriesOf(directory: string): Promise<Dirent[]> {
  return readdir(directory, { withFileTypes: true }).catch(() => {
    throw new UsageError(`${directory} cannot be read.`);
  });
}
