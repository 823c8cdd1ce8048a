import { join } from 'node:path';
import { openFileBlobStore, openRedisBlobStore, type BlobStore } from '@tessera/blob-store';
import { jobQueueName, trainingQueueName, type Config, type TrainVocabularyJob } from '@tessera/contracts';
import { createJobQueue, type JobQueue } from '@tessera/queue';
import type { Logger } from 'pino';

/** More finished jobs than a service finishes while their results are kept; the age limit comes first. */
const maximumFinishedJobs = 100_000;

/** A training goes on where a dead worker left it, so that it costs little to try again on another one. */
const maximumWorkerDeaths = 20;

export interface Stores {
  readonly queue: JobQueue;
  /** Trainings wait and run apart from requests, which they would hold up for minutes. */
  readonly trainings: JobQueue<TrainVocabularyJob>;
  readonly blobs: BlobStore;
  close(): Promise<void>;
}

/**
 * Opens the queues and the blob store: in Redis when `REDIS_URL` is set, else under `DATA_DIR`.
 *
 * @throws Error when `DATA_DIR` is in use by another process or cannot be written
 */
export async function openStores(config: Config, log: Logger): Promise<Stores> {
  const { REDIS_URL: url, DATA_DIR: directory } = config;
  const onError = (error: Error) => {
    log.warn({ err: error }, 'queue or blob store');
  };
  const options = {
    connection:
      url === undefined
        ? ({ kind: 'embedded', directory: join(directory, 'queue') } as const)
        : ({ kind: 'redis', url } as const),
    maxWaiting: config.TESSERA_MAX_WAITING_JOBS,
    keepFinished: { ageMs: config.TESSERA_RESULT_TTL_S * 1000, count: maximumFinishedJobs },
    onError,
  };
  const queue = await createJobQueue({ ...options, name: jobQueueName });
  const trainings = await createJobQueue<TrainVocabularyJob>({
    ...options,
    name: trainingQueueName,
    maxWorkerDeaths: maximumWorkerDeaths,
  });
  const blobs =
    url === undefined
      ? await openFileBlobStore({ directory: join(directory, 'blobs'), onError })
      : await openRedisBlobStore({ url, onError });
  return {
    queue,
    trainings,
    blobs,
    async close() {
      await Promise.all([queue.close(), trainings.close(), blobs.close()]);
    },
  };
}
