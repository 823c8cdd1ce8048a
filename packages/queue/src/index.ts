export { createJobQueue, type JobQueueOptions, type QueueConnection } from './create-job-queue.js';
export type {
  AddOptions,
  CancelOutcome,
  JobCounts,
  JobHandler,
  JobPriority,
  JobProcessor,
  JobProgress,
  JobQueue,
  JobSnapshot,
  ProcessOptions,
  RunningJob,
  WaitOptions,
} from './job-queue.js';
export { openJobQueues, type JobQueues } from './open-job-queues.js';
