import { mayRecover, SerializedError, TesseraError, type JobOrigin, type JobStatus } from '@tessera/contracts';
import { UnrecoverableError, type Job } from 'bullmq';
import { Value } from 'typebox/value';
import type { JobSnapshot } from './job-queue.js';

/** What BullMQ stores as a job's data. */
export interface JobRecord {
  readonly data: unknown;
  readonly deadlineAt: number | null;
  /** Absent in jobs of earlier versions. */
  readonly origin?: JobOrigin | undefined;
}

export type BullJob = Job<JobRecord, string>;

/**
 * What a job was added with. A job that another hand queued may have none: it is one without data, which its handler refuses,
 * and whose end can be read like any other.
 */
export function recordOf(job: BullJob): JobRecord {
  const stored: unknown = job.data;
  return typeof stored === 'object' && stored !== null ? job.data : { data: undefined, deadlineAt: null };
}

/** The record of a job that was taken out of the queue before it could finish. */
export interface Withdrawal extends JobRecord {
  readonly code: 'TSR_JOB_CANCELLED' | 'TSR_JOB_EXPIRED';
  readonly createdAt: number;
  readonly withdrawnAt: number;
}

const idPattern = /^[\w-]{1,100}$/;
/** Keeps ids apart from the names BullMQ uses for its own keys, and from numbers, which it refuses. */
const bullIdPrefix = 'job-';
/** How BullMQ fails a job whose lock has expired too often. */
const stalledReason = 'job stalled more than allowable limit';

export function isJobId(id: string): boolean {
  return idPattern.test(id);
}

export function toBullId(id: string): string {
  return bullIdPrefix + id;
}

export function fromBullId(bullId: string): string {
  return bullId.slice(bullIdPrefix.length);
}

export function cancelledError(): TesseraError {
  return new TesseraError('TSR_JOB_CANCELLED', 'The job was cancelled before it finished.');
}

export function expiredError(): TesseraError {
  return new TesseraError('TSR_JOB_EXPIRED', 'No worker was free before the deadline of the job.');
}

export function isOverdue({ deadlineAt }: { deadlineAt: number | null }): boolean {
  return deadlineAt !== null && Date.now() >= deadlineAt;
}

/** The error that fails a BullMQ attempt: it carries the service's own error in its message and keeps the original stack. */
export function toFailure(error: unknown): Error {
  const known = TesseraError.from(error);
  const message = JSON.stringify(known.toJSON());
  const failure = mayRecover(error) ? new Error(message) : new UnrecoverableError(message);
  if (error instanceof Error && error.stack !== undefined) failure.stack = error.stack;
  return failure;
}

function fromFailedReason(reason: string): SerializedError {
  if (reason === stalledReason) {
    return new TesseraError(
      'TSR_INFERENCE_FAILED',
      'The worker died each time it ran this job; the job is not tried again.',
    ).toJSON();
  }
  try {
    const error: unknown = JSON.parse(reason);
    if (Value.Check(SerializedError, error)) return error;
  } catch {
    // BullMQ's own reasons are plain text.
  }
  return TesseraError.from(new Error(reason)).toJSON();
}

export interface BullJobState {
  readonly status: 'queued' | 'running';
  readonly position: number | null;
}

/** The snapshot of a job that BullMQ still has. `state` counts only while the job has not finished. */
export function toSnapshot<Data>(job: BullJob, state: BullJobState | null): JobSnapshot<Data> {
  const isDone = job.finishedOn !== undefined;
  // A job that succeeded after a failed attempt still has the reason of that failure, but only it has a result.
  const resultKey = isDone && typeof job.returnvalue === 'string' ? job.returnvalue : null;
  const error = isDone && resultKey === null ? fromFailedReason(job.failedReason) : null;
  const { data, origin, deadlineAt } = recordOf(job);
  return {
    id: fromBullId(job.id ?? ''),
    // A queue returns the data that was added under this id.
    data: data as Data,
    origin: origin ?? {},
    status: isDone ? finishedStatus(error) : (state?.status ?? 'queued'),
    position: isDone ? null : (state?.position ?? null),
    createdAt: job.timestamp,
    deadlineAt,
    startedAt: job.processedOn ?? null,
    finishedAt: job.finishedOn ?? null,
    progress: progressOf(job),
    resultKey,
    error,
  };
}

export function withdrawnSnapshot<Data>(id: string, withdrawal: Withdrawal): JobSnapshot<Data> {
  const error = (withdrawal.code === 'TSR_JOB_CANCELLED' ? cancelledError() : expiredError()).toJSON();
  return {
    id,
    data: withdrawal.data as Data,
    origin: withdrawal.origin ?? {},
    status: finishedStatus(error),
    position: null,
    createdAt: withdrawal.createdAt,
    deadlineAt: withdrawal.deadlineAt,
    startedAt: null,
    finishedAt: withdrawal.withdrawnAt,
    progress: null,
    resultKey: null,
    error,
  };
}

export function isFinished({ status }: { status: JobStatus }): boolean {
  return status !== 'queued' && status !== 'running';
}

function finishedStatus(error: SerializedError | null): JobStatus {
  if (error === null) return 'succeeded';
  if (error.code === 'TSR_JOB_CANCELLED') return 'cancelled';
  return error.code === 'TSR_JOB_EXPIRED' ? 'expired' : 'failed';
}

/** The progress that a job reported last; null when there is none. BullMQ's progress of such a job is the number 0. */
export function progressOf({ progress }: BullJob): object | null {
  return typeof progress === 'object' ? progress : null;
}
