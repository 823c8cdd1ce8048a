import type { IQueueBackend, Processor, Queue, QueueOptions, Worker, WorkerOptions } from 'bullmq';
import type { JobCounts } from './job-queue.js';
import type { BullJob, JobRecord, Withdrawal } from './job-record.js';

/** The parts of BullMQ in use; they are the same for all of its backends. */
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

/** Gets the events of jobs in all processes. An event may be lost, or come twice. */
export interface JobListener {
  /** The job may have finished; it has when the job itself is given. */
  readonly finished: (bullId: string, job: BullJob | null) => void;
  /** The job has started, progressed, or gone back to the queue. */
  readonly moved: (bullId: string) => void;
}

export type BullProcessor = Processor<JobRecord, string>;

/** Events that BullMQ keeps of a queue. */
export const maxEvents = 1_000;

/** What Redis and the embedded database do differently. One backend serves one queue. */
export interface QueueBackend {
  openQueue(options: Omit<QueueOptions, 'connection'>): BullQueue;
  openWorker(processor: BullProcessor, options: Omit<WorkerOptions, 'connection'>): BullWorker;

  /** Calls the listener until it is closed, with every event from now on of jobs that are unfinished now. */
  watch(listener: JobListener): { close(): Promise<void> };
  /** Sends watchers the event of a job that has ended without a worker. */
  announceWithdrawn(bullId: string): Promise<void>;

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

  /** Closes what the backend itself opened; queue, workers and events are closed before. */
  close(): Promise<void>;
}
