export { createJobQueue } from './create-job-queue.js';
export type {
  JobHandler,
  JobPriority,
  JobProcessor,
  JobQueue,
  JobSnapshot,
  RunningJob,
  WaitingJobs,
} from './job-queue.js';
export { openJobQueues, type JobQueues } from './open-job-queues.js';
