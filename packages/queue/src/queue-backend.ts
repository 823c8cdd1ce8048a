import type { IQueueBackend, Processor, Queue, QueueOptions, Worker, WorkerOptions } from 'bullmq';
import type { JobCounts } from './job-queue.js';
import type { BullJob, JobRecord, Withdrawal } from './job-record.js';

/** The parts of BullMQ in use; they are the same for all of its backends. */
export interface BullQueue extends Pick<
  Queue<JobRecord, string, string, JobRecord, string, string, IQueueBackend>,
  'add' | 'close' | 'getBackend' | 'getJob' | 'getJobs' | 'getJobState'
> {
  on(event: 'error', listener: (error: Error) => void): unknown;
}

export interface BullWorker extends Pick<Worker, 'close' | 'concurrency'> {
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'lockRenewalFailed', listener: (bullIds: string[]) => void): unknown;
}

/** Gets the events of jobs in all processes. An event may be lost, or come twice. */
export interface JobListener {
  /** The job may have finished; it has succeeded when the key of its result is given. */
  readonly finished: (bullId: string, resultKey: string | null) => void;
  /** The job has started, progressed, or gone back to the queue. */
  readonly moved: (bullId: string) => void;
}

export type BullProcessor = Processor<JobRecord, string>;

/** A job that has ended. */
export interface EndedJob {
  readonly bullId: string;
  /** The finished job, where it is at hand: it need not be read again. */
  readonly job?: BullJob | undefined;
}

/** Gets jobs that have ended, each once in a batch. Ends whose batch was rejected come again. */
export type EndHandler = (ended: readonly EndedJob[]) => Promise<void>;

/** Reads the ends of jobs until it is closed. */
export interface EndReader {
  close(): Promise<void>;
}

/** How long a reader of ends lets further ones come, so that it does not work on every single one beside the answers to clients. */
export const gatherMs = 50;
/** Pause of a reader before it tries again what has failed. */
export const retryPauseMs = 1_000;

/** Events that BullMQ keeps of a queue: those of all jobs that end while no process reads the ends fit in. */
export const maxEvents = 10_000;

/** What Redis and the embedded database do differently. One backend serves one queue. */
export interface QueueBackend {
  openQueue(options: Omit<QueueOptions, 'connection'>): BullQueue;
  openWorker(processor: BullProcessor, options: Omit<WorkerOptions, 'connection'>): BullWorker;

  /** Calls the listener until it is closed, with every event from now on of jobs that are unfinished now. */
  watch(listener: JobListener): { close(): Promise<void> };
  /** Sends watchers the event of a job that has ended without a worker. */
  announceWithdrawn(bullId: string): Promise<void>;

  counts(): Promise<JobCounts>;
  /** The waiting jobs of a priority, in BullMQ's numbers; when the first of them was added, null without any. */
  waiting(priority: number): Promise<{ count: number; oldestAt: number | null }>;
  /** Number of jobs that will be claimed before this waiting one. */
  jobsAhead(bullId: string): Promise<number>;

  /**
   * The first withdrawal of a job stays, so that its end has one time however many processes find it overdue. One that is
   * cancelled replaces one that has expired: the job may have started just then.
   */
  saveWithdrawal(id: string, withdrawal: Withdrawal, ttlMs: number): Promise<void>;
  /** The withdrawals of these ids, in the same order; null where there is none. */
  findWithdrawals(ids: readonly string[]): Promise<(Withdrawal | null)[]>;

  /**
   * Gives the ends of jobs to the handler, those before this call included that nobody has handled. Each comes at least
   * once, and more than once only when the process that handled it has died or lost its connection.
   */
  readEnds(handle: EndHandler): EndReader;
  /** Notes the deadline of a job that is about to be added. */
  saveDeadline(bullId: string, deadlineAt: number): Promise<void>;
  /** Some jobs whose deadline has passed while they were waiting; they may have started or ended since. */
  findOverdue(): Promise<readonly string[]>;
  /** After this, {@link findOverdue} no longer gives the jobs. */
  forgetDeadlines(bullIds: readonly string[]): Promise<void>;

  /**
   * Runs an operation on the queue or on this backend.
   * @throws TesseraError `TSR_QUEUE_UNAVAILABLE` when it fails, or takes longer than a second
   */
  run<Result>(operation: () => Promise<Result>): Promise<Result>;

  /** Closes what the backend itself opened; queue, workers and events are closed before. */
  close(): Promise<void>;
}
