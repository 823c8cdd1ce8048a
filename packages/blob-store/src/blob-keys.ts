/** Blob key of an image, by its id `sha256:<hex>`. */
export function imageKey(imageId: string): string {
  return `images/${imageId.replace(':', '-')}`;
}

/** Blob key of a job's result (UTF-8 JSON of the route's response). */
export function resultKey(jobId: string): string {
  return `results/${jobId}`;
}

/** Blob key of what is known of an idempotency key, by a hash of it. */
export function idempotencyKey(hash: string): string {
  return `idempotency/${hash}`;
}

/** Blob key of the options of a job that has `StoredOptions`. */
export function jobOptionsKey(jobId: string): string {
  return `options/${jobId}`;
}

/** Blob key of the examples of a training job. */
export function trainingExamplesKey(jobId: string): string {
  return `training/${jobId}/examples`;
}

/** Blob key of an image of a training job, by the image's id `sha256:<hex>`. */
export function trainingImageKey(jobId: string, imageId: string): string {
  return `training/${jobId}/${imageId.replace('sha256:', '')}`;
}

/** Blob key of the checkpoint of a training job. */
export function trainingCheckpointKey(jobId: string): string {
  return `training/${jobId}/checkpoint`;
}

/** Prefix of the blob keys of trained vocabularies, each a vocabulary file. */
export const vocabularyKeyPrefix = 'vocabularies/';

/** Blob key of a trained vocabulary. */
export function vocabularyKey(name: string): string {
  return `${vocabularyKeyPrefix}${name}`;
}

/** Prefix of the blob keys under which names are claimed by the jobs that train them. */
export const vocabularyClaimPrefix = 'vocabulary-claims/';

/** Blob key of the claim to a name: UTF-8 text, the id of the job. */
export function vocabularyClaimKey(name: string): string {
  return `${vocabularyClaimPrefix}${name}`;
}

/** Prefix of the blob keys under which workers report themselves. */
export const workerKeyPrefix = 'workers/';

/** Prefixes whose keys are listed: the stores find them without looking at the others. */
export const listedPrefixes: readonly string[] = [workerKeyPrefix, vocabularyKeyPrefix, vocabularyClaimPrefix];

/** The one of the {@link listedPrefixes} that a key has; undefined for keys that nobody lists. */
export function listedPrefixOf(key: string): string | undefined {
  return listedPrefixes.find((prefix) => key.startsWith(prefix));
}
