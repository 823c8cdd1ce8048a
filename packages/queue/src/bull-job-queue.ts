import { TesseraError } from '@tessera/contracts';
import type { Telemetry } from 'bullmq';
import { BullJobProcessor } from './bull-job-processor.js';
import { expireInTime } from './expire-in-time.js';
import { followJob } from './follow-job.js';
import type {
  AddOptions,
  CancelOutcome,
  JobCounts,
  JobHandler,
  JobOutcome,
  JobPriority,
  JobProcessor,
  JobQueue,
  JobSnapshot,
  ProcessOptions,
  WaitingJobs,
  WaitOptions,
} from './job-queue.js';
import {
  fromBullId,
  isFinished,
  isJobId,
  isOverdue,
  recordOf,
  toBullId,
  toSnapshot,
  withdrawnSnapshot,
  type BullJobState,
  type JobRecord,
  type Withdrawal,
} from './job-record.js';
import { JobWatch } from './job-watch.js';
import { maxEvents, type BullQueue, type QueueBackend } from './queue-backend.js';
import { settledWithin } from '@tessera/runtime';
import { waitForJob } from './wait-for-job.js';

interface KeptJobs {
  readonly ageMs: number;
  readonly count: number;
}

export interface QueueLimits {
  /** Waiting jobs at which `add` rejects with `TSR_QUEUE_FULL`; approximate when several processes add. */
  readonly maxWaiting: number;
  /** Largest job, as JSON in UTF-8. */
  readonly maxDataBytes: number;
  /** How long finished jobs are remembered, and how many of them. */
  readonly keepFinished: KeptJobs;
  /** The same for jobs that failed, where it differs. */
  readonly keepFailed?: KeptJobs;
  /** A worker that has not renewed its lock for this long counts as dead. */
  readonly lockDurationMs: number;
  /** Pause between two searches for jobs of dead workers. */
  readonly stalledCheckMs: number;
  /** Workers that may die while they run one job before it fails. */
  readonly maxWorkerDeaths: number;
  /** Attempts at a job whose handler fails with a retryable error. */
  readonly attempts: number;
  /** Pause before the second attempt; it doubles with each further one. */
  readonly retryDelayMs: number;
  /** Share of a pause that is left to chance, so that jobs that failed together are not tried together; 0 to 1. */
  readonly retryJitter: number;
}

/** BullMQ starts lower numbers first; jobs of priority zero would wait in a separate list, ahead of all others. */
const priorities: Record<JobPriority, number> = { high: 1, normal: 2, low: 3 };
/** A process fills an eighth of the free room before it counts the waiting jobs again, as others add jobs too. */
const roomShare = 8;
/** Longest wait for connections to close: they do not close while the queue cannot be reached. */
const closeTimeoutMs = 2_000;

/** A {@link JobQueue} on BullMQ. */
export class BullJobQueue<Data> implements JobQueue<Data> {
  readonly #backend: QueueBackend;
  readonly #limits: QueueLimits;
  readonly #onError: (error: Error) => void;
  readonly #telemetry: { readonly telemetry?: Telemetry };
  readonly #queue: BullQueue;
  readonly #watch: JobWatch;
  readonly #processors: BullJobProcessor<Data>[] = [];
  readonly #endReaders = new Set<{ close(): Promise<void> }>();
  /** Jobs that may be added before the waiting ones are counted again. */
  #room = 0;
  /** The count under way: those who add at the same time share it. */
  #counting: Promise<void> | null = null;
  /** Jobs that have taken their room and are not stored yet, so that no count has them. */
  #adding = 0;

  /** @param telemetry - records traces of the jobs */
  constructor(
    backend: QueueBackend,
    limits: QueueLimits,
    onError: (error: Error) => void,
    telemetry: Telemetry | undefined,
  ) {
    this.#backend = backend;
    this.#limits = limits;
    this.#onError = onError;
    this.#telemetry = telemetry === undefined ? {} : { telemetry };
    this.#queue = backend.openQueue({
      ...this.#telemetry,
      streams: { events: { maxLen: maxEvents } },
      defaultJobOptions: {
        attempts: limits.attempts,
        backoff: { type: 'exponential', delay: limits.retryDelayMs, jitter: limits.retryJitter },
        removeOnComplete: keepOf(limits.keepFinished),
        removeOnFail: keepOf(limits.keepFailed ?? limits.keepFinished),
        stackTraceLimit: 3,
      },
    });
    this.#queue.on('error', onError);
    this.#watch = new JobWatch(backend);
  }

  async add(data: Data, { id, priority, deadlineMs, origin }: AddOptions): Promise<void> {
    if (!isJobId(id)) throw new RangeError(`${JSON.stringify(id)} is not a job id`);
    const deadlineAt = deadlineMs === undefined ? null : Date.now() + deadlineMs;
    const record: JobRecord = { data, deadlineAt, ...(origin === undefined ? {} : { origin }) };
    if (Buffer.byteLength(JSON.stringify(record)) > this.#limits.maxDataBytes) {
      throw new TesseraError('TSR_BODY_TOO_LARGE', `A job may have ${this.#limits.maxDataBytes} bytes.`);
    }
    await this.#takeRoom();
    this.#adding++;
    try {
      await this.#backend.run(async () => {
        if (deadlineAt !== null) await this.#backend.saveDeadline(toBullId(id), deadlineAt);
        await this.#queue.add('job', record, { jobId: toBullId(id), priority: priorities[priority] });
      });
    } finally {
      this.#adding--;
    }
  }

  async get(id: string): Promise<JobSnapshot<Data> | null> {
    if (!isJobId(id)) return null;
    const snapshot = await this.#backend.run(() => this.#read(id));
    if (snapshot?.status !== 'queued' || !isOverdue(snapshot)) return snapshot;
    await this.#withdraw(snapshot, 'TSR_JOB_EXPIRED');
    return this.#backend.run(() => this.#read(id));
  }

  waitFor(id: string, options: WaitOptions): Promise<JobOutcome | null> {
    return waitForJob(id, options, this.#watch, (job) => this.#look(job));
  }

  follow(id: string, signal: AbortSignal): AsyncIterable<JobSnapshot<Data>> {
    return followJob(id, signal, this.#watch, (job) => this.get(job));
  }

  counts(): Promise<JobCounts> {
    return this.#backend.run(() => this.#backend.counts());
  }

  readEnds(handle: (ended: readonly JobSnapshot<Data>[]) => Promise<void>): { close(): Promise<void> } {
    const reader = this.#backend.readEnds(async (endedJobs) => {
      const jobs = await Promise.all(
        endedJobs.map(async ({ bullId, job }) =>
          job === undefined
            ? await this.#backend.run(() => this.#read(fromBullId(bullId)))
            : toSnapshot<Data>(job, null),
        ),
      );
      const forgotten = endedJobs.filter((_, index) => jobs[index] === null).map(({ bullId }) => fromBullId(bullId));
      if (forgotten.length > 0) {
        this.#onError(new Error(`These jobs were forgotten before their ends were read: ${forgotten.join(', ')}`));
      }
      const ended = jobs.filter((job) => job !== null).filter(isFinished);
      if (ended.length > 0) await handle(ended);
    });
    const stopExpiring = expireInTime(this.#backend, (id) => this.get(id), this.#onError);
    const ends = {
      close: async () => {
        stopExpiring();
        this.#endReaders.delete(ends);
        await reader.close();
      },
    };
    this.#endReaders.add(ends);
    return ends;
  }

  async failed(limit: number): Promise<JobSnapshot<Data>[]> {
    const jobs = await this.#backend.run(() => this.#queue.getJobs(['failed'], 0, limit - 1));
    return jobs.map((job) => toSnapshot<Data>(job, null));
  }

  async retry(id: string, ended: 'failed' | 'succeeded'): Promise<boolean> {
    const job = isJobId(id) ? await this.#backend.run(() => this.#queue.getJob(toBullId(id))) : undefined;
    if (job?.finishedOn === undefined) return false;
    const hasSucceeded = toSnapshot(job, null).error === null;
    if (hasSucceeded !== (ended === 'succeeded')) return false;
    const state = hasSucceeded ? 'completed' : 'failed';
    await this.#backend.run(async () => {
      try {
        await job.retry(state, { resetAttemptsMade: true, resetAttemptsStarted: true });
      } catch (error) {
        // Another process may have done it meanwhile.
        const now = await this.#queue.getJob(toBullId(id));
        if (now === undefined || now.finishedOn !== undefined) throw error;
      }
    });
    return true;
  }

  waiting(): Promise<WaitingJobs[]> {
    const names = Object.keys(priorities) as JobPriority[];
    return this.#backend.run(() =>
      Promise.all(
        names.map(async (priority) => {
          const { count, oldestAt } = await this.#backend.waiting(priorities[priority]);
          return { priority, count, oldestMs: oldestAt === null ? 0 : Math.max(0, Date.now() - oldestAt) };
        }),
      ),
    );
  }

  async cancel(id: string): Promise<CancelOutcome> {
    const snapshot = await this.get(id);
    if (snapshot === null) return 'unknown';
    if (isFinished(snapshot)) return 'finished';
    return (await this.#withdraw(snapshot, 'TSR_JOB_CANCELLED')) ? 'cancelled' : 'cancelling';
  }

  process(handler: JobHandler<Data>, { concurrency }: ProcessOptions): JobProcessor {
    const processor = new BullJobProcessor(this.#backend, handler, {
      concurrency,
      lockDuration: this.#limits.lockDurationMs,
      stalledInterval: this.#limits.stalledCheckMs,
      maxStalledCount: this.#limits.maxWorkerDeaths,
      ...this.#telemetry,
      onError: this.#onError,
    });
    this.#processors.push(processor);
    return processor;
  }

  async close(): Promise<void> {
    await Promise.all(this.#processors.map((processor) => processor.drain(0)));
    const reason = new TesseraError('TSR_QUEUE_UNAVAILABLE', 'The queue is shutting down.');
    const readers = [...this.#endReaders].map((reader) => reader.close());
    await settledWithin(Promise.all([...readers, this.#watch.close(reason), this.#queue.close()]), closeTimeoutMs);
    await this.#backend.close();
  }

  /** Counts the waiting jobs, but not for every job: see {@link roomShare}. */
  async #takeRoom(): Promise<void> {
    while (this.#room < 1) {
      this.#counting ??= this.#makeRoom().finally(() => (this.#counting = null));
      await this.#counting;
    }
    this.#room--;
  }

  /** @throws TesseraError `TSR_QUEUE_FULL` */
  async #makeRoom(): Promise<void> {
    const { queued } = await this.counts();
    const free = this.#limits.maxWaiting - queued - this.#adding;
    if (free < 1) throw new TesseraError('TSR_QUEUE_FULL', `${queued + this.#adding} jobs are waiting already.`);
    this.#room = Math.ceil(free / roomShare);
  }

  /** {@link get} for waiting callers: one read, unless the job is lost or overdue. */
  async #look(id: string): Promise<JobSnapshot<Data> | null> {
    const job = isJobId(id) ? await this.#backend.run(() => this.#queue.getJob(toBullId(id))) : undefined;
    if (job === undefined || (job.finishedOn === undefined && isOverdue(recordOf(job)))) return this.get(id);
    return toSnapshot(job, null);
  }

  /** Reads again when the job changes its state, or is removed, between two reads. */
  async #read(id: string): Promise<JobSnapshot<Data> | null> {
    for (;;) {
      const job = await this.#queue.getJob(toBullId(id));
      if (job === undefined) {
        const [withdrawal] = await this.#backend.findWithdrawals([id]);
        return withdrawal ? withdrawnSnapshot(id, withdrawal) : null;
      }
      if (job.finishedOn !== undefined) return toSnapshot(job, null);
      const state = await this.#readState(toBullId(id));
      if (state !== null) return toSnapshot(job, state);
    }
  }

  /** The state of an unfinished job; null when it has finished or was removed in the meantime. */
  async #readState(bullId: string): Promise<BullJobState | null> {
    const state = await this.#queue.getJobState(bullId);
    switch (state) {
      case 'active':
        return { status: 'running', position: null };
      case 'waiting':
      case 'prioritized':
        return { status: 'queued', position: await this.#backend.jobsAhead(bullId) };
      case 'delayed':
      case 'waiting-children':
        return { status: 'queued', position: null };
      case 'completed':
      case 'failed':
      case 'unknown':
        return null;
    }
  }

  /**
   * Takes a job out of the queue and records why; false when a worker has it. The record is written first: if this
   * process dies in between, a worker that starts a cancelled job still finds that it is cancelled.
   */
  async #withdraw(snapshot: JobSnapshot<Data>, code: Withdrawal['code']): Promise<boolean> {
    const { id, data, origin, deadlineAt, createdAt } = snapshot;
    const withdrawal: Withdrawal = { code, data, origin, deadlineAt, createdAt, withdrawnAt: Date.now() };
    return this.#backend.run(async () => {
      await this.#backend.saveWithdrawal(id, withdrawal, this.#limits.keepFinished.ageMs);
      if ((await this.#queue.getBackend().remove(toBullId(id), false)) === 0) return false;
      await this.#backend.announceWithdrawn(toBullId(id));
      return true;
    });
  }
}

/** In BullMQ's terms. */
function keepOf({ ageMs, count }: KeptJobs): { age: number; count: number } {
  return { age: Math.ceil(ageMs / 1000), count };
}
