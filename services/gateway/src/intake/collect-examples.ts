import type { Readable } from 'node:stream';
import { TesseraError, trainingLimits, type StoredExample, type TrainVocabularyRequest } from '@tessera/contracts';
import type { GatewayContext } from '../context.js';
import type { BodyLease } from '../plugins/upload-budget.js';
import { bodyLimitBytes } from '../server-options.js';
import { readArchive, type ArchiveFile } from './read-archive.js';
import { at, severalAtOnce } from './several-at-once.js';
import { readImage } from './store-image.js';
import { parseMetadata, type MetadataEntry } from './training-metadata.js';
import type { TrainingSet } from './training-set.js';

/** Images that are fetched, checked and stored at the same time. */
const imagesAtOnce = 8;
/** Far more than the metadata of the largest training set needs. */
const maxMetadataBytes = 100_000_000;
/** The entries may include directories and files that are not examples. */
const maxEntries = 2 * trainingLimits.examples;

const metadataName = 'metadata.json';
const imageDirectory = 'images';

/**
 * Stores the images of examples that are in the request itself.
 *
 * @throws TesseraError as `readImage`, pointing to the example
 */
export async function collectInlineExamples(
  examples: TrainVocabularyRequest['examples'],
  set: TrainingSet,
  context: GatewayContext,
  client: AbortSignal,
): Promise<StoredExample[]> {
  const stored: StoredExample[] = [];
  await severalAtOnce(examples.entries(), imagesAtOnce, async ([index, example]) => {
    const { image, attributes, object, set: part = 'train' } = example;
    const store = async () => set.addImage(await readImage(image, context, client));
    stored[index] = {
      image: await at(`/examples/${index}/image`, store()),
      attributes: typeof attributes === 'string' ? [attributes] : attributes,
      object,
      set: part,
    };
  });
  return stored;
}

/**
 * Stores the images of an archive with `metadata.json` and `images/`, both also below one common directory. When the
 * metadata comes first, images that it does not name are not stored.
 *
 * @throws TesseraError `TSR_ARCHIVE_INVALID`, `TSR_BODY_TOO_LARGE`, or as `inspectImage`, naming the file
 */
export async function collectArchivedExamples(
  archive: Readable,
  set: TrainingSet,
  context: GatewayContext,
  lease: BodyLease,
): Promise<StoredExample[]> {
  const limits = {
    maxBytes: context.config.TESSERA_MAX_ARCHIVE_MB * 1_000_000,
    maxEntries,
  };
  const contents = new TrainingArchive(bodyLimitBytes(context.config));
  const ids = new Map<string, string>();
  await severalAtOnce(contents.images(readArchive(archive, limits)), imagesAtOnce, async ({ path, bytes }) => {
    lease.take(bytes.byteLength);
    try {
      ids.set(path, await named(path, set.addImage(bytes)));
    } finally {
      lease.giveBack(bytes.byteLength);
    }
  });
  return contents.metadata().map(({ image, ...labels }) => {
    const id = ids.get(image);
    if (id !== undefined) return { image: id, ...labels };
    throw new TesseraError('TSR_ARCHIVE_INVALID', `metadata.json names images/${image}, which the archive lacks.`);
  });
}

interface ArchivedImage {
  /** Below `images/`. */
  readonly path: string;
  readonly bytes: Buffer;
}

/** Recognises the files of an archive by their paths. */
class TrainingArchive {
  readonly #maxImageBytes: number;
  readonly #seen = new Set<string>();
  #directory: string | undefined;
  #metadata: MetadataEntry[] | undefined;
  #wanted: ReadonlySet<string> | undefined;

  constructor(maxImageBytes: number) {
    this.#maxImageBytes = maxImageBytes;
  }

  /** The images of the archive; the metadata on the way is kept for later. */
  async *images(files: AsyncIterable<ArchiveFile>): AsyncGenerator<ArchivedImage> {
    for await (const file of files) {
      const image = this.#imageOf(file.path);
      if (image === metadataName) {
        this.#metadata = parseMetadata(await file.read(maxMetadataBytes));
        this.#wanted = new Set(this.#metadata.map(({ image: path }) => path));
      } else if (image !== null && this.#wanted?.has(image.path) !== false) {
        yield { ...image, bytes: await file.read(this.#maxImageBytes) };
      }
    }
  }

  metadata(): readonly MetadataEntry[] {
    if (this.#metadata !== undefined) return this.#metadata;
    throw invalid('has no metadata.json');
  }

  /** Which image the file is, or whether it is the metadata; null for what is neither. */
  #imageOf(path: string): { readonly path: string } | typeof metadataName | null {
    const parts = path.split('/');
    const depth = parts[0] === metadataName || parts[0] === imageDirectory ? 0 : 1;
    const below = parts.slice(depth);
    const isMetadata = below.length === 1 && below[0] === metadataName;
    const isImage = below.length > 1 && below[0] === imageDirectory;
    // Some systems put copies of file attributes into archives; their names begin so.
    if ((!isMetadata && !isImage) || parts.at(-1)?.startsWith('._') === true) return null;
    const directory = parts.slice(0, depth).join('/');
    this.#directory ??= directory;
    if (directory !== this.#directory) throw invalid('has more than one training set in it');
    if (this.#seen.has(path)) throw invalid(`has ${path} twice`);
    this.#seen.add(path);
    return isMetadata ? metadataName : { path: below.slice(1).join('/') };
  }
}

function invalid(problem: string): TesseraError {
  return new TesseraError('TSR_ARCHIVE_INVALID', `The archive ${problem}.`);
}

/** Adds the file's name to an error about it. */
async function named<Result>(path: string, work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (!TesseraError.isInstance(error)) throw error;
    throw new TesseraError(error.code, `images/${path}: ${error.message}`, { cause: error });
  }
}
