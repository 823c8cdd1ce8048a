import { join } from 'node:path';
import type { Config, TrainVocabularyJob } from '@tessera/contracts';
import { createJobQueue } from './create-job-queue.js';
import type { JobQueue } from './job-queue.js';

/** More jobs than finish within the age limit, which is the limit that counts. */
const maximumFinishedJobs = 100_000;

/** A training continues from the checkpoint of a dead worker, so that another attempt costs little. */
const maximumWorkerDeaths = 20;

export interface JobQueues {
  readonly queue: JobQueue;
  /** Trainings have a queue of their own: they would hold up requests for minutes. */
  readonly trainings: JobQueue<TrainVocabularyJob>;
}

export interface OpenJobQueues extends JobQueues {
  close(): Promise<void>;
}

/**
 * Opens the queues: in Redis when `REDIS_URL` is set, else under `DATA_DIR`.
 *
 * @param onError - gets every failure, also of those the queues recover from
 * @throws Error when `DATA_DIR` is in use by another process or cannot be written
 */
export async function openJobQueues(config: Config, onError: (error: Error) => void): Promise<OpenJobQueues> {
  const { REDIS_URL: url, DATA_DIR: directory } = config;
  const options = {
    connection:
      url === undefined
        ? ({ kind: 'embedded', directory: join(directory, 'queue') } as const)
        : ({ kind: 'redis', url } as const),
    maxWaiting: config.TESSERA_MAX_WAITING_JOBS,
    keepFinished: { ageMs: config.TESSERA_RESULT_TTL_S * 1000, count: maximumFinishedJobs },
    onError,
  };
  const queue = await createJobQueue({ ...options, name: 'tessera-jobs' });
  const trainings = await createJobQueue<TrainVocabularyJob>({
    ...options,
    name: 'tessera-trainings',
    maxWorkerDeaths: maximumWorkerDeaths,
  });
  return {
    queue,
    trainings,
    async close() {
      await Promise.all([queue.close(), trainings.close()]);
    },
  };
}
