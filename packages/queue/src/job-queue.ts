import type { JobData, JobOrigin, JobStatus, SerializedError } from '@tessera/contracts';

export type JobPriority = 'high' | 'normal' | 'low';

/** A job as it is at one moment. Times are milliseconds since the epoch. */
export interface JobSnapshot<Data = JobData> {
  readonly id: string;
  readonly data: Data;
  /** As it was added; empty when nothing was given. Workers see the id of the request alone. */
  readonly origin: JobOrigin;
  readonly status: JobStatus;
  /** Jobs that will start before this one; null unless the job waits for a worker. */
  readonly position: number | null;
  readonly createdAt: number;
  /** A job that has not started by then never runs and ends as `expired`; null without a deadline. */
  readonly deadlineAt: number | null;
  /** Start of the latest attempt. */
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  /** What the handler reported last, as it comes out of JSON; null when it has not. */
  readonly progress: object | null;
  /** What the handler returned; null unless the job succeeded. */
  readonly resultKey: string | null;
  /** Why the job failed, was cancelled or expired; null otherwise. */
  readonly error: SerializedError | null;
}

/** How a job has ended. */
export type JobOutcome = Pick<JobSnapshot, 'id' | 'status' | 'resultKey' | 'error'>;

export interface AddOptions {
  /** 1 to 100 letters, digits, `-` and `_`. An id that is already known is not added again. */
  readonly id: string;
  readonly priority: JobPriority;
  /** Time in which the job has to start. */
  readonly deadlineMs?: number;
  /** Kept with the job for those who read its end. */
  readonly origin?: JobOrigin;
}

export interface WaitOptions {
  readonly timeoutMs: number;
  /** Whether the caller has only just added the job. It is then read a moment later, if it has not ended by then. */
  readonly isNew?: boolean;
  /** Whether the wait is over, as on timeout, when the queue cannot be reached for several seconds. */
  readonly needsQueue?: boolean;
  /** Stops waiting: the promise rejects with the signal's reason. The job goes on. */
  readonly signal?: AbortSignal;
}

export interface JobCounts {
  /** Jobs that wait for a worker, or for their next attempt. */
  readonly queued: number;
  readonly running: number;
}

/** The jobs of one priority that wait for a worker. */
export interface WaitingJobs {
  readonly priority: JobPriority;
  readonly count: number;
  /** How long the oldest of them has waited; 0 without any. */
  readonly oldestMs: number;
}

/** `cancelling`: the job is running and gets the signal to stop. `finished`: it had already finished. */
export type CancelOutcome = 'cancelled' | 'cancelling' | 'finished' | 'unknown';

/** A job as its handler sees it. */
export interface RunningJob<Data = JobData> {
  readonly id: string;
  readonly data: Data;
  /** Id of the HTTP request that asked for the job, for the log; undefined when there is none. */
  readonly requestId?: string | undefined;
  /** 1 on the first start; starts after a failure, the death of a worker or a postponement count too. */
  readonly attempt: number;
  /** Attempts that have failed before. */
  readonly failures: number;
  /** Whether the job fails for good when its handler throws. */
  readonly isLastAttempt: boolean;
  readonly enqueuedAt: number;
  /** What an earlier attempt reported last; null when there was none. */
  readonly earlierProgress: object | null;
  /** Aborted when the job is cancelled, when its worker drains, or when another worker has taken it over. */
  readonly signal: AbortSignal;
  /**
   * Checks now whether the job has been cancelled, which the signal shows only a moment later. For steps that cannot be
   * undone.
   *
   * @throws the signal's reason when it is aborted
   */
  throwIfCancelled(): Promise<void>;
  /** Reports the progress of the job, as any object that survives JSON. */
  progress(progress: object): Promise<void>;
}

/**
 * Does a job and returns the key of its result. Its error decides what follows: a `TesseraError` that is not
 * retryable fails the job at once; anything else is tried three times, with exponential back-off, which a `RetryLaterError`
 * may lengthen. A `PostponedError` is no failure, and `TSR_QUEUE_UNAVAILABLE` is none of the job's: it comes again later.
 */
export type JobHandler<Data = JobData> = (job: RunningJob<Data>) => Promise<string>;

export interface ProcessOptions {
  /** Jobs handled at the same time. */
  readonly concurrency: number;
}

export interface JobProcessor {
  /** Jobs this processor is handling now. */
  readonly runningJobs: number;
  /** Jobs it handles at a time; those that run go on when there are to be fewer. */
  concurrency: number;
  /** False once {@link drain} has begun. */
  readonly isAccepting: boolean;
  /**
   * Takes no more jobs and waits for the running ones. Those still running after `timeoutMs` are aborted and handed
   * back to the queue, where another worker, or this one after a restart, runs them again.
   */
  drain(timeoutMs: number): Promise<void>;
}

/**
 * A queue of jobs. An accepted job is answered exactly once: when a worker is killed, its jobs run again.
 * Every method rejects with `TSR_QUEUE_UNAVAILABLE`, within a second, while the queue cannot be reached.
 */
export interface JobQueue<Data = JobData> {
  /**
   * Resolves when the job is stored so that it survives the death of this process.
   * @throws TesseraError `TSR_QUEUE_FULL` when too many jobs wait; `TSR_BODY_TOO_LARGE` when the data is too large
   */
  add(data: Data, options: AddOptions): Promise<void>;
  /** The job, or null when it is unknown or no longer kept. */
  get(id: string): Promise<JobSnapshot<Data> | null>;
  /**
   * How the job has ended, once it has, in any process, also when it had before; null on timeout.
   * @throws TesseraError `TSR_JOB_NOT_FOUND`
   */
  waitFor(id: string, options: WaitOptions): Promise<JobOutcome | null>;
  /**
   * The job as it is now and after every change of its status or progress, until it has finished; it may
   * run in any process. Changes that come faster than they are read are merged into one.
   * @param signal - ends following, with its reason; the job goes on
   * @throws TesseraError `TSR_JOB_NOT_FOUND`
   */
  follow(id: string, signal: AbortSignal): AsyncIterable<JobSnapshot<Data>>;
  counts(): Promise<JobCounts>;
  /** The jobs that wait for their first start or for another worker, for every priority. */
  waiting(): Promise<WaitingJobs[]>;
  /**
   * Gives the handler every job that has ended, however it did, until it is closed: those of all processes, those before this
   * call included that no handler has had. Each comes at least once; more than once only when a process dies while it
   * handles it. One process at a time reads the ends of a queue in Redis. Jobs whose deadline passes end here too, also
   * without any worker.
   *
   * @param handle - gets jobs in the order of their ends; those of a call that rejects come again after a moment
   */
  readEnds(handle: (ended: readonly JobSnapshot<Data>[]) => Promise<void>): { close(): Promise<void> };
  /** The jobs that failed last, the latest first, at most as many as the limit. */
  failed(limit: number): Promise<JobSnapshot<Data>[]>;
  /** Queues a job again that has ended so, with all its attempts; false when it has not, or is no longer kept. */
  retry(id: string, ended: 'failed' | 'succeeded'): Promise<boolean>;
  /** Takes a waiting job out of the queue; aborts a running one, in any process, within half a second. */
  cancel(id: string): Promise<CancelOutcome>;
  /** Starts to handle jobs in this process. The handler must not block the event loop: the job's lock would expire. */
  process(handler: JobHandler<Data>, options: ProcessOptions): JobProcessor;
  /** Ends waiting requests and connections; processors that have not drained hand their jobs back at once. */
  close(): Promise<void>;
}
