import type { JobData } from '@tessera/contracts';
import { BullJobQueue, type QueueLimits } from './bull-job-queue.js';
import { EmbeddedBackend } from './embedded-backend.js';
import type { JobQueue } from './job-queue.js';
import { openJobTraces } from './job-traces.js';
import { RedisBackend } from './redis-backend.js';

/** Where the jobs are: in a Redis that any number of processes share, or in this process, kept in a directory. */
export type QueueConnection =
  { readonly kind: 'redis'; readonly url: string } | { readonly kind: 'embedded'; readonly directory: string };

export interface JobQueueOptions extends Partial<QueueLimits> {
  /** Letters, digits, `-` and `_`. */
  readonly name: string;
  readonly connection: QueueConnection;
  /** Gets every failure, also those that the queue recovers from. */
  readonly onError: (error: Error) => void;
  /** Records the jobs in the traces that OpenTelemetry's SDK sends from this process. */
  readonly isTraced?: boolean;
}

const defaultLimits: QueueLimits = {
  maxWaiting: 1_000,
  maxDataBytes: 1_000_000,
  keepFinished: { ageMs: 3_600_000, count: 2_000 },
  lockDurationMs: 10_000,
  stalledCheckMs: 5_000,
  maxWorkerDeaths: 5,
  attempts: 3,
  retryDelayMs: 500,
  retryJitter: 0,
};

/**
 * Opens a queue. Redis may be down: the queue works once it is up. An embedded queue may be opened several times in
 * one process, under several names too, but a directory serves one process at a time.
 *
 * Whether an accepted job survives a crash of Redis itself depends on its settings: it needs `appendonly yes`, `appendfsync always` and
 * `maxmemory-policy noeviction`.
 *
 * @throws Error when the embedded directory is in use by another process, which it names, or cannot be opened
 */
export async function createJobQueue<Data = JobData>(options: JobQueueOptions): Promise<JobQueue<Data>> {
  const { name, connection, onError, isTraced = false, ...limits } = options;
  if (!/^[\w-]+$/.test(name)) throw new RangeError(`${JSON.stringify(name)} is not a queue name`);
  const backend =
    connection.kind === 'redis'
      ? await RedisBackend.open({ name, url: connection.url, onError })
      : await EmbeddedBackend.open({ name, directory: connection.directory, onError });
  const telemetry = isTraced ? await openJobTraces() : undefined;
  return new BullJobQueue<Data>(backend, { ...defaultLimits, ...limits }, onError, telemetry);
}
