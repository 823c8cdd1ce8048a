import { join } from 'node:path';
import { openFileBlobStore, openRedisBlobStore, type BlobStore } from '@tessera/blob-store';
import { jobQueueName, type Config } from '@tessera/contracts';
import { createJobQueue, type JobQueue } from '@tessera/queue';
import type { Logger } from 'pino';

/** More finished jobs than a service finishes while their results are kept; the age limit comes first. */
const maximumFinishedJobs = 100_000;

export interface Stores {
  readonly queue: JobQueue;
  readonly blobs: BlobStore;
  close(): Promise<void>;
}

/**
 * Opens the queue and the blob store: in Redis when `REDIS_URL` is set, else under `DATA_DIR`.
 *
 * @throws Error when `DATA_DIR` is in use by another process or cannot be written
 */
export async function openStores(config: Config, log: Logger): Promise<Stores> {
  const { REDIS_URL: url, DATA_DIR: directory } = config;
  const onError = (error: Error) => {
    log.warn({ err: error }, 'queue or blob store');
  };
  const queue = await createJobQueue({
    name: jobQueueName,
    connection: url === undefined ? { kind: 'embedded', directory: join(directory, 'queue') } : { kind: 'redis', url },
    maxWaiting: config.TESSERA_MAX_WAITING_JOBS,
    keepFinished: { ageMs: config.TESSERA_RESULT_TTL_S * 1000, count: maximumFinishedJobs },
    onError,
  });
  const blobs =
    url === undefined
      ? await openFileBlobStore({ directory: join(directory, 'blobs'), onError })
      : await openRedisBlobStore({ url, onError });
  return {
    queue,
    blobs,
    async close() {
      await Promise.all([queue.close(), blobs.close()]);
    },
  };
}
