export { createJobQueue } from './create-job-queue.js';
export type { JobHandler, JobPriority, JobProcessor, JobQueue, JobSnapshot, RunningJob } from './job-queue.js';
export { openJobQueues, type JobQueues } from './open-job-queues.js';
