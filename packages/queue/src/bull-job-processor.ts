import { DelayedError, WaitingError, type Telemetry } from 'bullmq';
import type { JobHandler, JobProcessor } from './job-queue.js';
import {
  cancelledError,
  expiredError,
  fromBullId,
  isOverdue,
  progressOf,
  recordOf,
  toFailure,
  type BullJob,
} from './job-record.js';
import { postponementMs } from './postponed-error.js';
import { RetryLaterError } from './retry-later-error.js';
import { settledWithin } from '@tessera/runtime';
import type { BullWorker, QueueBackend } from './queue-backend.js';

/** How often the running jobs are looked up among the cancelled ones. */
const cancelCheckMs = 250;
/** How long storing the ends of jobs, handing jobs back, and closing connections may take when draining. */
const handBackMs = 2_000;

export interface ProcessorOptions {
  readonly concurrency: number;
  readonly lockDuration: number;
  readonly stalledInterval: number;
  readonly maxStalledCount: number;
  readonly telemetry?: Telemetry;
  readonly onError: (error: Error) => void;
}

/** Why a job was aborted. Draining and a lost lock end this attempt, not the job. */
type Interruption = 'cancelled' | 'draining' | 'lock-lost';

/** The part of a queue that runs jobs: a BullMQ worker whose jobs can be cancelled from any process. */
export class BullJobProcessor<Data> implements JobProcessor {
  readonly #backend: QueueBackend;
  readonly #handler: JobHandler<Data>;
  readonly #onError: (error: Error) => void;
  readonly #worker: BullWorker;
  readonly #running = new Map<string, RunningAttempt>();
  readonly #cancelTimer: NodeJS.Timeout;
  #draining: Promise<void> | null = null;
  /** Called when the last running job has ended. */
  #onIdle: () => void = () => {};

  constructor(backend: QueueBackend, handler: JobHandler<Data>, { onError, ...options }: ProcessorOptions) {
    this.#backend = backend;
    this.#handler = handler;
    this.#onError = onError;
    this.#worker = backend.openWorker((job, token) => this.#run(job, token), { ...options, runRetryDelay: 1_000 });
    this.#worker.on('error', onError);
    this.#worker.on('lockRenewalFailed', (bullIds) => {
      for (const bullId of bullIds) this.#running.get(fromBullId(bullId))?.interrupt('lock-lost');
    });
    this.#cancelTimer = setInterval(() => void this.#findCancelled(), cancelCheckMs);
    this.#cancelTimer.unref();
  }

  get runningJobs(): number {
    return this.#running.size;
  }

  get concurrency(): number {
    return this.#worker.concurrency;
  }

  set concurrency(jobs: number) {
    this.#worker.concurrency = jobs;
  }

  get isAccepting(): boolean {
    return this.#draining === null;
  }

  drain(timeoutMs: number): Promise<void> {
    this.#draining ??= this.#drain(timeoutMs);
    return this.#draining;
  }

  async #drain(timeoutMs: number): Promise<void> {
    const closed = this.#worker.close();
    // While Redis hangs, BullMQ waits for it, also when no job runs.
    await settledWithin(Promise.race([closed, this.#idle()]), timeoutMs);
    for (const attempt of this.#running.values()) attempt.interrupt('draining');
    await settledWithin(closed, handBackMs);
    clearInterval(this.#cancelTimer);
  }

  /** Resolves when no job runs. */
  #idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#onIdle = resolve;
      if (this.#running.size === 0) resolve();
    });
  }

  async #run(job: BullJob, token: string | undefined): Promise<string> {
    const id = fromBullId(job.id ?? '');
    const attempt = new RunningAttempt();
    try {
      const resultKey = await this.#attempt(job, id, attempt);
      if (attempt.interruption === 'cancelled') throw cancelledError();
      return resultKey;
    } catch (error) {
      if (attempt.interruption === 'draining') {
        await job.moveToWait(token);
        throw new WaitingError();
      }
      const pauseMs = postponementMs(error);
      if (pauseMs !== undefined && attempt.interruption === null) {
        await job.moveToDelayed(Date.now() + pauseMs, token);
        throw new DelayedError();
      }
      if (attempt.interruption === 'cancelled') throw toFailure(cancelledError());
      if (!(error instanceof RetryLaterError)) throw toFailure(error);
      lengthenPause(job, error.delayMs);
      throw toFailure(error.cause);
    }
  }

  /** The job counts as running until its handler has ended; what is left then is to store how. */
  async #attempt(job: BullJob, id: string, attempt: RunningAttempt): Promise<string> {
    this.#running.set(id, attempt);
    try {
      // BullMQ's worker may claim one more job while it closes.
      if (!this.isAccepting) attempt.interrupt('draining');
      await this.#findCancelled([id]);
      return await Promise.race([attempt.handedBack, this.#handle(job, id, attempt)]);
    } finally {
      // A job that was lost may be running here again.
      if (this.#running.get(id) === attempt) this.#running.delete(id);
      if (this.#running.size === 0) this.#onIdle();
    }
  }

  async #handle(job: BullJob, id: string, attempt: RunningAttempt): Promise<string> {
    attempt.signal.throwIfAborted();
    const record = recordOf(job);
    if (isOverdue(record)) throw expiredError();
    return this.#handler({
      id,
      // A queue returns the data that was added under this id.
      data: record.data as Data,
      requestId: record.origin?.requestId,
      attempt: job.attemptsStarted,
      failures: job.attemptsMade,
      isLastAttempt: job.attemptsMade + 1 >= (job.opts.attempts ?? 1),
      enqueuedAt: job.timestamp,
      earlierProgress: progressOf(job),
      signal: attempt.signal,
      throwIfCancelled: async () => {
        await this.#findCancelled([id]);
        attempt.signal.throwIfAborted();
      },
      progress: (progress) => job.updateProgress(progress),
    });
  }

  /** A look-up that fails is repeated by the next one; jobs go on running. */
  async #findCancelled(ids: readonly string[] = [...this.#running.keys()]): Promise<void> {
    if (ids.length === 0) return;
    try {
      const withdrawals = await this.#backend.run(() => this.#backend.findWithdrawals(ids));
      withdrawals.forEach((withdrawal, index) => {
        if (withdrawal?.code === 'TSR_JOB_CANCELLED') this.#running.get(ids[index] ?? '')?.interrupt('cancelled');
      });
    } catch (error) {
      this.#onError(error as Error);
    }
  }
}

/** The next attempt comes after its own pause, or after this one if it is longer. What is stored of the job stays as it is. */
function lengthenPause(job: BullJob, delayMs: number): void {
  const { backoff } = job.opts;
  const firstMs = typeof backoff === 'object' ? (backoff.delay ?? 0) : 0;
  job.opts.backoff = { type: 'fixed', delay: Math.max(delayMs, firstMs * 2 ** job.attemptsMade) };
}

class RunningAttempt {
  interruption: Interruption | null = null;
  /** Rejects when the job has to be handed back, whether or not its handler reacts to the signal. */
  readonly handedBack: Promise<never>;
  readonly #controller = new AbortController();
  #handBack: (reason: Error) => void = () => {};

  constructor() {
    this.handedBack = new Promise((_, reject) => {
      this.#handBack = reject;
    });
    this.handedBack.catch(() => undefined);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  interrupt(interruption: Interruption): void {
    if (this.interruption !== null) return;
    this.interruption = interruption;
    const reason =
      interruption === 'cancelled' ? cancelledError() : new Error(`The job was interrupted: ${interruption}`);
    this.#controller.abort(reason);
    if (interruption === 'draining') this.#handBack(reason);
  }
}
