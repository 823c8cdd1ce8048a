export { TesseraClient, type ClientOptions, type SegmentCall, type TrainingArchive } from './client.js';
export { ServiceError } from './service-error.js';
export type { JobUpdate } from './job-updates.js';
