export { createJobQueue } from './create-job-queue.js';
export type {
  JobHandler,
  JobOutcome,
  JobPriority,
  JobProcessor,
  JobQueue,
  JobSnapshot,
  RunningJob,
  WaitingJobs,
  WaitOptions,
} from './job-queue.js';
export { openJobQueues, type JobQueues } from './open-job-queues.js';
export { PostponedError, postponementMs } from './postponed-error.js';
export { RetryLaterError } from './retry-later-error.js';
