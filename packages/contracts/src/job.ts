import Type, { type Static } from 'typebox';
import { errorTable, type ErrorCode } from './errors.js';
import { SegmentOptions } from './segment.js';

/** What the gateway hands to a worker for `POST /segment`. The image bytes are in the blob store under {@link imageKey}. */
export const SegmentJob = Type.Object({
  kind: Type.Literal('segment'),
  imageId: Type.String(),
  queries: Type.Array(Type.String(), { minItems: 1 }),
  options: SegmentOptions,
});
export type SegmentJob = Static<typeof SegmentJob>;

/** A small job that the gateway sends through the whole chain to learn whether the service works. */
export const CanaryJob = Type.Object({ kind: Type.Literal('canary') });
export type CanaryJob = Static<typeof CanaryJob>;

export const JobData = Type.Union([SegmentJob, CanaryJob]);
export type JobData = Static<typeof JobData>;

/** Name of the queue that carries {@link JobData}. */
export const jobQueueName = 'tessera-jobs';

/** Blob key of an image, by its id `sha256:<hex>`. */
export function imageKey(imageId: string): string {
  return `images/${imageId.replace(':', '-')}`;
}

/** Blob key of a job's result (UTF-8 JSON of the route's response). */
export function resultKey(jobId: string): string {
  return `results/${jobId}`;
}

/** Prefix of the blob keys under which workers report themselves. */
export const workerKeyPrefix = 'workers/';

export const JobStatus = Type.Enum(['queued', 'running', 'succeeded', 'failed', 'cancelled', 'expired']);
export type JobStatus = Static<typeof JobStatus>;

export const Progress = Type.Object({
  stage: Type.String({ description: 'What the worker is doing.' }),
  fraction: Type.Number({ minimum: 0, maximum: 1 }),
});
export type Progress = Static<typeof Progress>;

const errorCodes = Object.keys(errorTable) as ErrorCode[];

/** RFC 9457 problem details as every error response carries them. */
export const ProblemDetails = Type.Object(
  {
    type: Type.String({ description: 'URI reference of the error’s page.' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: Type.Enum(errorCodes),
    request_id: Type.Optional(Type.String()),
    errors: Type.Optional(
      Type.Array(
        Type.Object({ pointer: Type.String({ description: 'RFC 6901 JSON pointer.' }), message: Type.String() }),
      ),
    ),
  },
  { description: 'RFC 9457 problem details.' },
);
export type ProblemDetails = Static<typeof ProblemDetails>;

const Timestamp = Type.String({ format: 'date-time' });

export const JobResponse = Type.Object({
  id: Type.String(),
  status: JobStatus,
  position: Type.Optional(Type.Integer({ minimum: 0, description: 'Jobs ahead in the queue, while queued.' })),
  created_at: Timestamp,
  started_at: Type.Optional(Timestamp),
  finished_at: Type.Optional(Timestamp),
  progress: Type.Optional(Progress),
  result: Type.Optional(
    Type.Unknown({ description: 'The response of the route that created the job, once succeeded.' }),
  ),
  error: Type.Optional(ProblemDetails),
});
export type JobResponse = Static<typeof JobResponse>;
