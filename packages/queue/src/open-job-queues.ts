import { join } from 'node:path';
import type { Config, TrainVocabularyJob, WebhookDelivery } from '@tessera/contracts';
import { createJobQueue } from './create-job-queue.js';
import type { JobQueue } from './job-queue.js';

/** More jobs than finish within the age limit, which is the limit that counts. */
const maximumFinishedJobs = 100_000;

/** A training continues from the checkpoint of a dead worker, so that another attempt costs little. */
const maximumWorkerDeaths = 20;

/** A message is small, and jobs must not fail because receivers are down. */
const maximumWebhooks = 1_000_000;

export interface JobQueues {
  readonly queue: JobQueue;
  /** Trainings have a queue of their own: they would hold up requests for minutes. */
  readonly trainings: JobQueue<TrainVocabularyJob>;
}

export interface OpenJobQueues extends JobQueues {
  /** Messages about jobs that have ended, for the gateways to send. Those that failed stay for days. */
  readonly webhooks: JobQueue<WebhookDelivery>;
  close(): Promise<void>;
}

/**
 * Opens the queues: in Redis when `REDIS_URL` is set, else under `DATA_DIR`.
 *
 * @param onError - gets every failure, also of those the queues recover from
 * @param tracing - whether jobs are recorded in the traces of this process
 * @throws Error when `DATA_DIR` is in use by another process or cannot be written
 */
export async function openJobQueues(
  config: Config,
  onError: (error: Error) => void,
  tracing: { readonly isOn: boolean } = { isOn: false },
): Promise<OpenJobQueues> {
  const { REDIS_URL: url, DATA_DIR: directory } = config;
  const options = {
    connection:
      url === undefined
        ? ({ kind: 'embedded', directory: join(directory, 'queue') } as const)
        : ({ kind: 'redis', url } as const),
    maxWaiting: config.TESSERA_MAX_WAITING_JOBS,
    keepFinished: { ageMs: config.TESSERA_RESULT_TTL_S * 1000, count: maximumFinishedJobs },
    onError,
    isTraced: tracing.isOn,
  };
  const queue = await createJobQueue({ ...options, name: 'tessera-jobs' });
  const trainings = await createJobQueue<TrainVocabularyJob>({
    ...options,
    name: 'tessera-trainings',
    maxWorkerDeaths: maximumWorkerDeaths,
  });
  const webhooks = await createJobQueue<WebhookDelivery>({
    ...options,
    name: 'tessera-webhooks',
    maxWaiting: maximumWebhooks,
    keepFailed: { ageMs: config.TESSERA_WEBHOOK_FAILED_TTL_S * 1000, count: maximumFinishedJobs },
    attempts: config.TESSERA_WEBHOOK_ATTEMPTS,
    retryDelayMs: config.TESSERA_WEBHOOK_RETRY_S * 1000,
    retryJitter: 0.5,
  });
  return {
    queue,
    trainings,
    webhooks,
    async close() {
      await Promise.all([queue.close(), trainings.close(), webhooks.close()]);
    },
  };
}
