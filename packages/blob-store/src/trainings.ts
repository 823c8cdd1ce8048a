import { parseMatching, StoredExample, TesseraError } from '@tessera/contracts';
import Type from 'typebox';
import { trainingCheckpointKey, trainingExamplesKey, trainingImageKey, vocabularyClaimKey } from './blob-keys.js';
import type { BlobExpiry, BlobStore } from './blob-store.js';
import { imageId } from './images.js';

/** Blobs that are removed at the same time. */
const removalsAtOnce = 16;

/** Stores an image of a training, apart from those of requests, which may expire before it runs; gives its id. */
export async function putTrainingImage(
  store: BlobStore,
  jobId: string,
  bytes: Uint8Array,
  expiry: BlobExpiry,
): Promise<string> {
  const id = imageId(bytes);
  await store.put(trainingImageKey(jobId, id), bytes, expiry);
  return id;
}

/** Stores the examples of a training: what its images show. */
export async function putTrainingExamples(
  store: BlobStore,
  jobId: string,
  examples: readonly StoredExample[],
  expiry: BlobExpiry,
): Promise<void> {
  await store.put(trainingExamplesKey(jobId), Buffer.from(JSON.stringify(examples)), expiry);
}

const StoredExamples = Type.Array(StoredExample);

/**
 * The examples of a training; null when they are gone.
 *
 * @throws TesseraError `TSR_VERSION_MISMATCH` when they cannot be read
 */
export async function getTrainingExamples(store: BlobStore, jobId: string): Promise<StoredExample[] | null> {
  const bytes = await store.get(trainingExamplesKey(jobId));
  return bytes === null ? null : parseMatching(StoredExamples, bytes, 'The set of examples');
}

/** Removes images of a training. */
export async function deleteTrainingImages(store: BlobStore, jobId: string, imageIds: Iterable<string>): Promise<void> {
  const keys = Array.from(new Set(imageIds), (id) => trainingImageKey(jobId, id));
  for (let start = 0; start < keys.length; start += removalsAtOnce) {
    await Promise.all(keys.slice(start, start + removalsAtOnce).map((key) => store.delete(key)));
  }
}

/** Removes what a finished training has left: examples, images, checkpoint and its claim to the name. */
export async function forgetTraining(store: BlobStore, jobId: string, name: string): Promise<void> {
  const examples = await getTrainingExamples(store, jobId).catch((error: unknown) => {
    // Images that nobody can name any more expire.
    if (TesseraError.isInstance(error) && error.code === 'TSR_VERSION_MISMATCH') return null;
    throw error;
  });
  if (examples !== null) {
    await deleteTrainingImages(
      store,
      jobId,
      examples.map(({ image }) => image),
    );
  }
  await store.delete(trainingExamplesKey(jobId));
  await store.delete(trainingCheckpointKey(jobId));
  if ((await getVocabularyClaim(store, name))?.job === jobId) await store.delete(vocabularyClaimKey(name));
}

/** The job that is about to make the vocabulary of a name. */
export interface VocabularyClaim {
  readonly job: string;
  /** The examples still arrive: there is no such job yet. */
  readonly isUploading: boolean;
}

/** Claims a name; false when it is claimed. */
export function claimVocabulary(
  store: BlobStore,
  name: string,
  claim: VocabularyClaim,
  expiry: BlobExpiry,
): Promise<boolean> {
  return store.putNew(vocabularyClaimKey(name), encodeClaim(claim), expiry);
}

/** Replaces the caller's own claim. */
export function renewVocabularyClaim(
  store: BlobStore,
  name: string,
  claim: VocabularyClaim,
  expiry: BlobExpiry,
): Promise<void> {
  return store.put(vocabularyClaimKey(name), encodeClaim(claim), expiry);
}

/** The claim to the name; null when there is none. */
export async function getVocabularyClaim(store: BlobStore, name: string): Promise<VocabularyClaim | null> {
  const bytes = await store.get(vocabularyClaimKey(name));
  if (bytes === null) return null;
  const [job = '', state] = Buffer.from(bytes).toString('utf8').split(' ');
  return { job, isUploading: state === 'uploading' };
}

function encodeClaim({ job, isUploading }: VocabularyClaim): Buffer {
  return Buffer.from(`${job} ${isUploading ? 'uploading' : 'queued'}`);
}
