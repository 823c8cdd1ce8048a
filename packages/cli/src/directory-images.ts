import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { UsageError } from './command-errors.js';

const imageNames = /\.(jpe?g|jpe|jfif|png|webp|avif|gif|tiff?|bmp)$/i;
/** Formats of photos that the service does not read, by the ends of their names. */
const unreadNames = /\.(heic|heif|jxl|jp2|dng|cr[23]|nef|arw|orf|rw2|raf|psd|svg)$/i;
/** Files below a directory by their paths, with slashes, in order. */
export interface DirectoryImages {
  readonly images: readonly string[];
  /** Photos in formats that the service does not read. */
  readonly unread: readonly string[];
  /** Real paths of all these files, and of the directories that they were found in. */
  readonly visited: ReadonlySet<string>;
}

/**
 * The images below a directory. Links are followed, and every file is there once, under its own name where that is below
 * the directory. A link to nothing is there too: whoever reads it reports it. Hidden files and directories are not.
 *
 * @throws UsageError when there are none, or a directory cannot be read
 */
export async function imagesBelow(directory: string): Promise<DirectoryImages> {
  const walk = new Walk(directory);
  await walk.visit('');
  const { images, unread, visited } = walk;
  if (images.length > 0) return { images: images.sort(), unread: unread.sort(), visited };
  const reason = unread.length === 0 ? '' : ` ${unreadSentence(unread)}`;
  throw new UsageError(`There are no images in ${directory}.${reason}`);
}

const namedFiles = 3;

/** Which files are left out, why, and what to do. */
export function unreadSentence(unread: readonly string[]): string {
  const formats = [...new Set(unread.map((path) => extname(path).slice(1).toUpperCase()))].join(', ');
  const names = unread.slice(0, namedFiles).join(', ');
  const rest = unread.length > namedFiles ? ` and ${unread.length - namedFiles} more` : '';
  return `Left out: ${names}${rest}. The service does not read ${formats}; convert them to JPEG or PNG first.`;
}

class Walk {
  readonly images: string[] = [];
  readonly unread: string[] = [];
  /** Real paths of the files and directories so far. */
  readonly visited = new Set<string>();
  readonly #directory: string;

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
        // Hidden, as what macOS keeps beside files on foreign disks: `._photo.jpg` is no photo.
        if (entry.name.startsWith('.')) continue;
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
    const found = imageNames.test(path) ? this.images : unreadNames.test(path) ? this.unread : undefined;
    if (found !== undefined && (await this.#isNew(path))) found.push(path);
  }

  async #isNew(path: string): Promise<boolean> {
    const place = join(this.#directory, path);
    const real = await realpath(place).catch(() => place);
    if (this.visited.has(real)) return false;
    this.visited.add(real);
    return true;
  }
}

function entriesOf(directory: string): Promise<Dirent[]> {
  return readdir(directory, { withFileTypes: true }).catch(() => {
    throw new UsageError(`${directory} cannot be read.`);
  });
}
