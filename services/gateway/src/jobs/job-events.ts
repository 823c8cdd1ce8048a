import { TesseraError, type JobStatus } from '@tessera/contracts';
import type { JobSnapshot } from '@tessera/queue';
import { problemDetails } from '../problems/problem-details.js';
import { jobSummary, reportedProgress } from './job-response.js';

/** One server-sent event of a job. */
export interface JobEvent {
  readonly event: 'status' | 'progress' | 'result' | 'error';
  /** How far the job has come, see {@link JobEvents}; absent where the job fell back. */
  readonly id?: number;
  readonly data: unknown;
}

/** Ids of the events: progress lies between running and finished. */
const ids = { queued: 0, running: 1, finished: 2_000_000, outcome: 2_000_001 } as const;
const progressSteps = 1_000_000;

/** Whether somebody who has seen this event has seen all. */
export function isLastEvent(id: number | undefined): boolean {
  return id !== undefined && id >= ids.outcome;
}

/** The id in a `Last-Event-ID` header; undefined when it is none of ours. */
export function parseEventId(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,7}$/.test(text) ? Number(text) : undefined;
}

/**
 * Turns what a job is like, again and again, into events, each told once. An event's id says how far the job had come,
 * so that any gateway can go on where another one stopped: what lies at or before the id is not told again. A job whose
 * worker died may fall back; the change of status is told, without an id, and progress again once it is beyond the old.
 */
export class JobEvents {
  #reached: number;
  #status: JobStatus | undefined;

  /** @param lastEventId - what the client has seen already */
  constructor(lastEventId: number | undefined) {
    this.#reached = lastEventId ?? -1;
    if (lastEventId !== undefined) this.#status = lastEventId < ids.running ? 'queued' : 'running';
  }

  /**
   * The events since the last call.
   *
   * @param result - of a job that has succeeded; undefined when it is not kept any more
   */
  next(job: JobSnapshot<unknown>, result: unknown): JobEvent[] {
    const events: JobEvent[] = [];
    const isFinished = job.status !== 'queued' && job.status !== 'running';
    if (!isFinished) this.#tellStatus(job, events);
    for (const progress of reportedProgress(job)) {
      const id = ids.running + 1 + Math.floor(progress.fraction * progressSteps);
      if (this.#advance(id)) events.push({ event: 'progress', id, data: progress });
    }
    if (!isFinished) return events;
    this.#tellStatus(job, events);
    if (this.#advance(ids.outcome)) events.push({ ...outcome(job, result), id: ids.outcome });
    return events;
  }

  #tellStatus(job: JobSnapshot<unknown>, events: JobEvent[]): void {
    const id = job.status === 'queued' || job.status === 'running' ? ids[job.status] : ids.finished;
    const isNew = this.#advance(id);
    if (!isNew && (job.status === this.#status || id === ids.finished)) return;
    this.#status = job.status;
    events.push({ event: 'status', ...(isNew ? { id } : {}), data: jobSummary(job) });
  }

  #advance(id: number): boolean {
    if (id <= this.#reached) return false;
    this.#reached = id;
    return true;
  }
}

function outcome(job: JobSnapshot<unknown>, result: unknown): Pick<JobEvent, 'event' | 'data'> {
  if (job.error !== null) return { event: 'error', data: problemDetails(job.error) };
  if (result !== undefined) return { event: 'result', data: result };
  const error = new TesseraError('TSR_JOB_NOT_FOUND', 'The result is not kept any more.');
  return { event: 'error', data: problemDetails(error.toJSON()) };
}
