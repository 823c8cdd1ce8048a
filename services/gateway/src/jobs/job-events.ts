import { TesseraError, type JobStatus } from '@tessera/contracts';
import type { JobSnapshot } from '@tessera/queue';
import { problemDetails } from '../problems/problem-details.js';
import { jobSummary, reportedProgress } from './job-response.js';

/** One server-sent event of a job. */
export interface JobEvent {
  readonly event: 'status' | 'progress' | 'result' | 'error';
  /** How far the job has come, see {@link JobEvents}; absent when the job returned to an earlier state. */
  readonly id?: number;
  readonly data: unknown;
}

/** Ids of the events: progress lies between running and finished. */
const ids = { queued: 0, running: 1, finished: 2_000_000, outcome: 2_000_001 } as const;
const progressSteps = 1_000_000;

/** Whether no event follows the one with this id. */
export function isLastEvent(id: number | undefined): boolean {
  return id !== undefined && id >= ids.outcome;
}

/** The id in a `Last-Event-ID` header; undefined when it is not an id of {@link JobEvents}. */
export function parseEventId(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,7}$/.test(text) ? Number(text) : undefined;
}

/**
 * Turns successive snapshots of a job into events, each sent once. An event's id is the job's progress, so that any gateway
 * can continue where another one stopped: events up to the client's last id are not sent again. The job of a worker that
 * died may return to the queue: this change of status is sent without an id, and progress only once it exceeds the old.
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
   * @param result - of a job that has succeeded; undefined when it is no longer stored
   */
  next(job: JobSnapshot<unknown>, result: unknown): JobEvent[] {
    const events: JobEvent[] = [];
    const isFinished = job.status !== 'queued' && job.status !== 'running';
    if (!isFinished) this.#addStatus(job, events);
    for (const progress of reportedProgress(job)) {
      const id = ids.running + 1 + Math.floor(progress.fraction * progressSteps);
      if (this.#advance(id)) events.push({ event: 'progress', id, data: progress });
    }
    if (!isFinished) return events;
    this.#addStatus(job, events);
    if (this.#advance(ids.outcome)) events.push({ ...outcome(job, result), id: ids.outcome });
    return events;
  }

  #addStatus(job: JobSnapshot<unknown>, events: JobEvent[]): void {
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
