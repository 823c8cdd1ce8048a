import {
  type BlobStore,
  claimVocabulary,
  forgetTraining,
  getVocabularyClaim,
  renewVocabularyClaim,
  vocabularyClaimKey,
  vocabularyClaimPrefix,
  vocabularyKey,
  vocabularyKeyPrefix,
} from '@tessera/blob-store';
import { describeVocabulary, parseVocabulary, serializeVocabulary } from '@tessera/composition';
import {
  TesseraError,
  type TrainVocabularyJob,
  type VocabularyDescription,
  type VocabularySummary,
} from '@tessera/contracts';
import type { JobQueue } from '@tessera/queue';
import { findUnusableText } from '../problems/unusable-text.js';

/** A claim of a gateway that died while examples arrived ends by itself after this time. */
const uploadClaimMs = 60_000;
const renewalMs = 15_000;

/** A name that is held for a training while its examples arrive. */
export interface HeldName {
  /** Passes the name on to the job, which is added next and holds it until it has ended. */
  passToJob(ttlMs: number): Promise<void>;
  /** Stops renewing the claim, which then lasts until it expires or is removed. */
  release(): void;
}

/** The trained vocabularies, which every worker reads from the blob store, and the claims to their names. */
export class Vocabularies {
  readonly #blobs: BlobStore;
  readonly #trainings: JobQueue<TrainVocabularyJob>;

  constructor(blobs: BlobStore, trainings: JobQueue<TrainVocabularyJob>) {
    this.#blobs = blobs;
    this.#trainings = trainings;
  }

  /** Every vocabulary and every name that is being trained, by name. */
  async list(): Promise<VocabularySummary[]> {
    const trained = await this.#names(vocabularyKeyPrefix);
    const claimed = await this.#names(vocabularyClaimPrefix);
    const names = [...new Set([...trained, ...claimed])].sort();
    const summaries = await Promise.all(names.map((name) => this.#summarize(name)));
    return summaries.flatMap((summary) => summary ?? []);
  }

  has(name: string): Promise<boolean> {
    return this.#blobs.has(vocabularyKey(name));
  }

  /** @throws TesseraError `TSR_VOCABULARY_NOT_FOUND` */
  async describe(name: string): Promise<VocabularyDescription> {
    return describeVocabulary(parseVocabulary(await this.file(name)));
  }

  /**
   * The vocabulary as a file.
   *
   * @throws TesseraError `TSR_VOCABULARY_NOT_FOUND`
   */
  async file(name: string): Promise<Uint8Array> {
    const file = await this.#blobs.get(vocabularyKey(name));
    if (file !== null) return file;
    const job = await this.#trainingOf(name);
    throw unknownVocabulary(name, job);
  }

  /**
   * Stores a vocabulary from a file under the name; whether there was none before.
   *
   * @throws TesseraError `TSR_VOCABULARY_INVALID`, or `TSR_VOCABULARY_CONFLICT` while the name is being trained
   */
  async import(name: string, file: Uint8Array): Promise<{ isNew: boolean; description: VocabularyDescription }> {
    const vocabulary = { ...parseVocabulary(file), name };
    const unusable = findUnusableText(describeVocabulary(vocabulary));
    if (unusable !== undefined) {
      throw new TesseraError('TSR_VOCABULARY_INVALID', `The text at ${unusable} of its description cannot be used.`);
    }
    await this.#requireFree(name);
    const isNew = !(await this.has(name));
    await this.#blobs.put(vocabularyKey(name), serializeVocabulary(vocabulary), { ttlMs: null });
    return { isNew, description: describeVocabulary(vocabulary) };
  }

  /** @throws TesseraError `TSR_VOCABULARY_NOT_FOUND`, or `TSR_VOCABULARY_CONFLICT` while the name is being trained */
  async delete(name: string): Promise<void> {
    if (!(await this.has(name))) throw unknownVocabulary(name, await this.#trainingOf(name));
    await this.#requireFree(name);
    await this.#blobs.delete(vocabularyKey(name));
  }

  /**
   * Holds a name for a job that is about to be added.
   *
   * @throws TesseraError `TSR_VOCABULARY_CONFLICT` when the name is taken
   */
  async hold(name: string, jobId: string, mayReplace: boolean): Promise<HeldName> {
    if (!mayReplace && (await this.has(name))) {
      throw new TesseraError('TSR_VOCABULARY_CONFLICT', `There is a vocabulary "${name}" already.`);
    }
    const uploading = { job: jobId, isUploading: true };
    const expiry = { ttlMs: uploadClaimMs };
    if (!(await claimVocabulary(this.#blobs, name, uploading, expiry))) {
      await this.#requireFree(name);
      // The job of the claim has ended and left it, for example because it expired or all of its workers died.
      await this.#blobs.delete(vocabularyClaimKey(name));
      if (!(await claimVocabulary(this.#blobs, name, uploading, expiry))) throw inTraining(name);
    }
    const renewal = setInterval(() => {
      this.#blobs.touch(vocabularyClaimKey(name), expiry).catch(() => undefined);
    }, renewalMs);
    return {
      passToJob: async (ttlMs) => {
        clearInterval(renewal);
        await renewVocabularyClaim(this.#blobs, name, { job: jobId, isUploading: false }, { ttlMs });
      },
      release: () => {
        clearInterval(renewal);
      },
    };
  }

  /** Whether the name is held for the job. */
  async isHeldFor(name: string, jobId: string): Promise<boolean> {
    return (await getVocabularyClaim(this.#blobs, name))?.job === jobId;
  }

  /** Removes the data and the claim of a training that will not run any more. */
  forget(jobId: string, name: string): Promise<void> {
    return forgetTraining(this.#blobs, jobId, name);
  }

  async #names(prefix: string): Promise<string[]> {
    return (await this.#blobs.list(prefix)).map((key) => key.slice(prefix.length));
  }

  /** Null when the vocabulary was deleted after it was listed. */
  async #summarize(name: string): Promise<VocabularySummary | null> {
    const [file, job] = await Promise.all([this.#blobs.get(vocabularyKey(name)), this.#trainingOf(name)]);
    const training = job === null ? {} : { job };
    if (file === null) return job === null ? null : { name, status: 'training', ...training };
    const described = readable(file);
    if (described === undefined) return { name, status: 'trained', ...training };
    const { model, method, attributes, objects, seen_pairs: pairs, metrics } = described;
    return {
      name,
      status: 'trained',
      ...training,
      model,
      method,
      attributes: attributes.length,
      objects: objects.length,
      seen_pairs: pairs.length,
      ...(metrics === undefined ? {} : { metrics }),
    };
  }

  async #requireFree(name: string): Promise<void> {
    if ((await this.#trainingOf(name)) !== null) throw inTraining(name);
  }

  /** The unfinished job that trains the name, or is about to be added; null when there is none. */
  async #trainingOf(name: string): Promise<string | null> {
    const claim = await getVocabularyClaim(this.#blobs, name);
    if (claim === null) return null;
    if (claim.isUploading) return claim.job;
    const job = await this.#trainings.get(claim.job);
    return job?.status === 'queued' || job?.status === 'running' ? claim.job : null;
  }
}

/** The description of a vocabulary; undefined for a file that is damaged or of another version. */
function readable(file: Uint8Array): VocabularyDescription | undefined {
  try {
    return describeVocabulary(parseVocabulary(file));
  } catch {
    return undefined;
  }
}

function unknownVocabulary(name: string, job: string | null): TesseraError {
  const training = job === null ? '' : `; the job ${job} is training it`;
  return new TesseraError('TSR_VOCABULARY_NOT_FOUND', `There is no vocabulary "${name}"${training}.`);
}

function inTraining(name: string): TesseraError {
  return new TesseraError('TSR_VOCABULARY_CONFLICT', `The vocabulary "${name}" is being trained.`);
}
