import type { JobData, TrainVocabularyJob } from '@tessera/contracts';
import type { JobQueue } from '@tessera/queue';
import { randomUUID } from 'node:crypto';

/** The queues that a gateway hands jobs to. */
export interface JobQueues {
  readonly queue: JobQueue;
  readonly trainings: JobQueue<TrainVocabularyJob>;
}

/** A job of either queue. */
export type AnyJobQueue = JobQueue<JobData | TrainVocabularyJob>;

const trainingPrefix = 'training-';

/** An id for a new training; by its beginning {@link queueOf} knows it. */
export function newTrainingId(): string {
  return trainingPrefix + randomUUID();
}

/** The queue that a job is in, if it exists. */
export function queueOf(
  id: string,
  { queue, trainings }: JobQueues,
): Pick<AnyJobQueue, 'get' | 'cancel' | 'follow' | 'waitFor'> {
  return id.startsWith(trainingPrefix) ? trainings : queue;
}
