import type { JobData, TrainVocabularyJob } from '@tessera/contracts';
import type { JobQueue, JobQueues, JobSnapshot } from '@tessera/queue';

/** A job with the queue that it is in. */
export interface FoundJob {
  readonly job: JobSnapshot<JobData | TrainVocabularyJob>;
  readonly queue: Pick<JobQueue<JobData | TrainVocabularyJob>, 'get' | 'cancel' | 'follow'>;
}

/** The job of an id, in any queue; null when none has it. */
export async function findJob(id: string, { queue, trainings }: JobQueues): Promise<FoundJob | null> {
  for (const candidate of [queue, trainings]) {
    const job = await candidate.get(id);
    if (job !== null) return { job, queue: candidate };
  }
  return null;
}
