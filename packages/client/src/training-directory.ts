import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pack } from 'tar-stream';
import type { ExampleSet } from '@tessera/contracts';
import { UsageError } from './usage-error.js';

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
  const sizes = new Map<string, number>();
  for (const image of images) sizes.set(image, await sizeOf(join(directory, 'images', image)));
  const blocks = [metadata.byteLength, ...sizes.values()].map((size) => 1 + Math.ceil(size / blockBytes));

  async function* archive(): AsyncGenerator<Uint8Array> {
    const tar = pack();
    const filling = (async () => {
      await addEntry('metadata.json', metadata);
      for (const image of images) await addEntry(`images/${image}`, await readFile(join(directory, 'images', image)));
      tar.finalize();
    })();
    filling.catch((error: unknown) => {
      tar.destroy(error as Error);
    });
    // The library reads and gives bytes.
    yield* tar as AsyncIterable<Uint8Array>;
    await filling;

    function addEntry(name: string, bytes: Buffer): Promise<void> {
      return new Promise((resolve, reject) => {
        tar.entry({ name, size: bytes.byteLength }, bytes, (error) => {
          if (error) reject(error);
          else resolve();
        });
      });
    }
  }

  return {
    examples,
    archiveBytes: (blocks.reduce((sum, count) => sum + count, 0) + 2) * blockBytes,
    archive,
    readImage: (image) => readFile(join(directory, 'images', image)),
  };
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
