import { type BlobStore, vocabularyKey } from '@tessera/blob-store';
import { parseVocabulary, type Vocabulary } from '@tessera/composition';
import { TesseraError } from '@tessera/contracts';
import { RecentValues } from '@tessera/runtime';

/** Vocabularies that are kept parsed. */
const keptVocabularies = 8;

interface Kept {
  readonly file: Uint8Array;
  readonly vocabulary: Vocabulary;
}

/** Reads trained vocabularies from the blob store; a file that has not changed is not parsed again. */
export class VocabularyReader {
  readonly #blobs: BlobStore;
  readonly #kept = new RecentValues<Kept>(keptVocabularies);

  constructor(blobs: BlobStore) {
    this.#blobs = blobs;
  }

  /** @throws TesseraError `TSR_VOCABULARY_NOT_FOUND` */
  async read(name: string): Promise<Vocabulary> {
    const file = await this.#blobs.get(vocabularyKey(name));
    if (file === null)
      throw new TesseraError('TSR_VOCABULARY_NOT_FOUND', `There is no vocabulary "${name}" (any more).`);
    const known = this.#kept.get(name);
    const kept =
      known !== undefined && Buffer.compare(known.file, file) === 0
        ? known
        : { file, vocabulary: parseVocabulary(file) };
    this.#kept.set(name, kept);
    return kept.vocabulary;
  }
}
