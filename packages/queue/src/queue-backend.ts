import type {
  IQueueBackend,
  Processor,
  Queue,
  QueueEvents,
  QueueEventsOptions,
  QueueOptions,
  Worker,
  WorkerOptions,
} from 'bullmq';
import type { JobCounts } from './job-queue.js';
import type { JobRecord, Withdrawal } from './job-record.js';

/** The parts of BullMQ in use, which are the same for every backend of its. */
export interface BullQueue extends Pick<
  Queue<JobRecord, string, string, JobRecord, string, string, IQueueBackend>,
  'add' | 'close' | 'getBackend' | 'getJob' | 'getJobState'
> {
  on(event: 'error', listener: (error: Error) => void): unknown;
}

export interface BullWorker extends Pick<Worker, 'close'> {
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'lockRenewalFailed', listener: (bullIds: string[]) => void): unknown;
}

export interface BullEvents extends Pick<QueueEvents, 'close' | 'run'> {
  on(event: 'error', listener: (error: Error) => void): unknown;
  /** `withdrawn` is an event of our own beside BullMQ's. */
  on(event: 'completed' | 'failed' | 'withdrawn', listener: (event: { jobId: string }) => void): unknown;
}

export type BullProcessor = Processor<JobRecord, string>;

/** What Redis and the embedded database do differently. One backend serves one queue. */
export interface QueueBackend {
  openQueue(options: Omit<QueueOptions, 'connection'>): BullQueue;
  openWorker(processor: BullProcessor, options: Omit<WorkerOptions, 'connection'>): BullWorker;
  openEvents(options: Omit<QueueEventsOptions, 'connection'>): BullEvents;

  counts(): Promise<JobCounts>;
  /** Number of jobs that will be claimed before this waiting one. */
  jobsAhead(bullId: string): Promise<number>;

  saveWithdrawal(id: string, withdrawal: Withdrawal, ttlMs: number): Promise<void>;
  /** The withdrawals of these ids, in the same order; null where there is none. */
  findWithdrawals(ids: readonly string[]): Promise<(Withdrawal | null)[]>;

  /**
   * Runs an operation on the queue or on this backend.
   * @throws TesseraError `TSR_QUEUE_UNAVAILABLE` when it fails, or takes longer than a second
   */
  run<Result>(operation: () => Promise<Result>): Promise<Result>;

  /** Ends what the backend itself opened; queue, workers and events are closed before. */
  close(): Promise<void>;
}
