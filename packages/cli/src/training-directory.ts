import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pack } from 'tar-stream';
import type { ExampleSet } from '@tessera/contracts';
import { UsageError } from './command-errors.js';

/** A row of `metadata.json`. */
export interface DirectoryExample {
  /** Path below `images/`. */
  readonly image: string;
  readonly attributes: readonly string[];
  readonly object: string;
  readonly set: ExampleSet;
}

/** A directory with `metadata.json` and `images/`. */
export interface TrainingDirectory {
  readonly examples: readonly DirectoryExample[];
  /** Bytes of {@link archive}. */
  readonly archiveBytes: number;
  /** The directory as a tar, metadata first. */
  archive(): AsyncIterable<Uint8Array>;
  readImage(image: string): Promise<Buffer>;
}

const blockBytes = 512;

/** @throws UsageError when the directory has no usable metadata, or lacks an image */
export async function openTrainingDirectory(directory: string): Promise<TrainingDirectory> {
  const metadata = await readFile(join(directory, 'metadata.json')).catch(() => {
    throw new UsageError(`There is no ${join(directory, 'metadata.json')}; the directory needs it, and images/.`);
  });
  const examples = parseRows(metadata, directory);
  const images = [...new Set(examples.map(({ image }) => image))];
  const sizes = [metadata.byteLength];
  for (const image of images) sizes.push(await sizeOf(join(directory, 'images', image)));
  const names = ['metadata.json', ...images.map((image) => `images/${image}`)];

  return {
    examples,
    archiveBytes: await tarBytes(names, sizes),
    archive: () =>
      tarOf(names, (name) => (name === 'metadata.json' ? Promise.resolve(metadata) : readFile(join(directory, name)))),
    readImage: (image) => readFile(join(directory, 'images', image)),
  };
}

async function* tarOf(
  names: readonly string[],
  read: (name: string) => Promise<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const tar = pack();
  const filling = (async () => {
    for (const name of names) await addEntry(name, await read(name));
    tar.finalize();
  })();
  filling.catch((error: unknown) => {
    tar.destroy(error as Error);
  });
  // The library reads and gives bytes.
  yield* tar as AsyncIterable<Uint8Array>;
  await filling;

  function addEntry(name: string, bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      tar.entry({ name, size: bytes.byteLength }, bytes, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  }
}

/** Bytes of a tar of files of these names and sizes. How many a name takes is up to the library. */
async function tarBytes(names: readonly string[], sizes: readonly number[]): Promise<number> {
  let bytes = sizes.reduce((sum, size) => sum + blockBytes * Math.ceil(size / blockBytes), 0);
  for await (const chunk of tarOf(names, () => Promise.resolve(new Uint8Array()))) bytes += chunk.byteLength;
  return bytes;
}

async function sizeOf(path: string): Promise<number> {
  const stats = await stat(path).catch(() => undefined);
  if (stats?.isFile() === true) return stats.size;
  throw new UsageError(`metadata.json names ${path}, which is no file.`);
}

interface Row {
  readonly image?: unknown;
  readonly attributes?: unknown;
  readonly attr?: unknown;
  readonly object?: unknown;
  readonly obj?: unknown;
  readonly set?: unknown;
}

function parseRows(metadata: Buffer, directory: string): DirectoryExample[] {
  const rows = parseJson(metadata, directory);
  if (!Array.isArray(rows) || rows.length === 0) {
    throw new UsageError(`${join(directory, 'metadata.json')} is not a JSON array with at least one row.`);
  }
  return (rows as (Row | null)[]).map((row, index) => {
    const attributes = row?.attributes ?? row?.attr;
    const words = typeof attributes === 'string' ? [attributes] : attributes;
    const object = row?.object ?? row?.obj;
    const set = row?.set ?? 'train';
    const isUsable =
      typeof row?.image === 'string' &&
      Array.isArray(words) &&
      words.length > 0 &&
      words.every((word) => typeof word === 'string') &&
      typeof object === 'string' &&
      (set === 'train' || set === 'val' || set === 'test');
    if (!isUsable) {
      throw new UsageError(
        `Row ${index} of metadata.json is not like {"image": "a.jpg", "attr": "red", "obj": "dress", "set": "train"}.`,
      );
    }
    return { image: row.image.replace(/^images\//, ''), attributes: words, object, set };
  });
}

function parseJson(metadata: Buffer, directory: string): unknown {
  try {
    return JSON.parse(metadata.toString('utf8')) as unknown;
  } catch {
    throw new UsageError(`${join(directory, 'metadata.json')} is not JSON.`);
  }
}
