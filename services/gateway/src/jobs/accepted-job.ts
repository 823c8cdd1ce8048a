import { TesseraError, type ClassifyJob, type SegmentJob } from '@tessera/contracts';
import type { JobQueue, JobSnapshot } from '@tessera/queue';
import { lostJob } from './lost-result.js';

/** A job as it is when it has just been added. */
export function addedJob(id: string, data: SegmentJob | ClassifyJob): JobSnapshot {
  return {
    id,
    data,
    origin: {},
    status: 'queued',
    position: null,
    createdAt: Date.now(),
    deadlineAt: null,
    startedAt: null,
    finishedAt: null,
    progress: null,
    resultKey: null,
    error: null,
  };
}

/**
 * A job that was accepted, as it is now, or as it was when the queue cannot be reached: its client needs the id to ask again.
 *
 * @throws TesseraError `TSR_QUEUE_UNAVAILABLE` when it was lost
 */
export async function acceptedJob(queue: JobQueue, known: JobSnapshot): Promise<JobSnapshot> {
  const job = await queue.get(known.id).catch((error: unknown) => {
    if (!TesseraError.isInstance(error) || error.code !== 'TSR_QUEUE_UNAVAILABLE') throw error;
    return known;
  });
  if (job === null) throw lostJob();
  return job;
}
