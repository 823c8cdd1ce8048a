import Type, { type Static } from 'typebox';
import { ClassifyOptions, VocabularyName } from './classify-composition.js';
import { ErrorCodes } from './errors.js';
import { SegmentOptions } from './segment.js';
import { SegmentPrompts } from './segment-prompts.js';
import type { Webhook } from './webhook.js';
import { RequestedRecipe, TrainingMethod } from './vocabulary.js';

const strict = { additionalProperties: false } as const;

/** What the gateway hands to a worker for `POST /segment`. The image bytes are in the blob store. */
export const SegmentJob = Type.Object(
  {
    kind: Type.Literal('segment'),
    imageId: Type.String(),
    queries: Type.Array(Type.String(), {
      description: 'None when prompts stand alone; one when they correct its answer.',
    }),
    prompts: Type.Optional(SegmentPrompts),
    options: SegmentOptions,
  },
  strict,
);
export type SegmentJob = Static<typeof SegmentJob>;

/** A small job that the gateway sends through the whole chain to learn whether the service works. */
export const CanaryJob = Type.Object({ kind: Type.Literal('canary') }, strict);
export type CanaryJob = Static<typeof CanaryJob>;

/** Options that are too large for a job's data, under this blob key as UTF-8 JSON. */
export const StoredOptions = Type.Object({ key: Type.String() }, strict);

/** What the gateway hands to a worker for `POST /classify-composition`. */
export const ClassifyJob = Type.Object(
  {
    kind: Type.Literal('classify'),
    imageIds: Type.Array(Type.String(), { minItems: 1 }),
    options: Type.Union([ClassifyOptions, StoredOptions]),
  },
  strict,
);
export type ClassifyJob = Static<typeof ClassifyJob>;

/**
 * A training of soft prompts. Its examples (a JSON array of `StoredExample`) and their images are in the blob store.
 */
export const TrainVocabularyJob = Type.Object(
  {
    kind: Type.Literal('train-vocabulary'),
    name: VocabularyName,
    model: Type.Optional(Type.String()),
    method: TrainingMethod,
    recipe: RequestedRecipe,
  },
  strict,
);
export type TrainVocabularyJob = Static<typeof TrainVocabularyJob>;

/** Who asked for a job, and who is to be called when it has ended. */
export interface JobOrigin {
  /** Name of the API key of the request; absent where the service has no keys. */
  readonly apiKey?: string | undefined;
  /** Of the HTTP request, for the log. */
  readonly requestId?: string | undefined;
  /** Of the request's trace, when it has one, for the log. */
  readonly traceId?: string | undefined;
  readonly webhook?: Webhook | undefined;
}

/** The jobs of each queue, by their kind. Trainings take minutes and hold up no request in theirs. */
export const jobKinds = {
  requests: { segment: SegmentJob, classify: ClassifyJob, canary: CanaryJob },
  trainings: { 'train-vocabulary': TrainVocabularyJob },
} as const;
/** A job of the queue of requests. */
export type JobData = Static<(typeof jobKinds.requests)[keyof typeof jobKinds.requests]>;

export const JobStatus = Type.Enum(['queued', 'running', 'succeeded', 'failed', 'cancelled', 'expired']);
export type JobStatus = Static<typeof JobStatus>;

export const Progress = Type.Object({
  stage: Type.String({ description: 'What the worker is doing.' }),
  fraction: Type.Number({ minimum: 0, maximum: 1 }),
  epoch: Type.Optional(Type.Integer({ minimum: 0, description: 'Of a training: finished epochs.' })),
  epochs: Type.Optional(Type.Integer({ minimum: 1, description: 'Of a training: epochs in all.' })),
  phase: Type.Optional(
    Type.Enum(['choice', 'final'], {
      description:
        'Of a training without a validation set: `choice` learns from a part of the examples to find the best number of epochs, `final` then learns from all of them.',
    }),
  ),
  loss: Type.Optional(Type.Number({ description: 'Of a training: mean loss of the latest epoch.' })),
  validation_auc: Type.Optional(
    Type.Number({ minimum: 0, maximum: 1, description: 'Of a training: AUC on the validation set after it.' }),
  ),
});
export type Progress = Static<typeof Progress>;

/** Progress as a worker reports it: the latest, and the milestones so far, so that a late reader gets them too. */
export const ReportedProgress = Type.Object({
  ...Progress.properties,
  milestones: Type.Optional(Type.Array(Progress, { description: 'In ascending order of their fractions.' })),
});
export type ReportedProgress = Static<typeof ReportedProgress>;

/** RFC 9457 problem details as every error response carries them. */
export const ProblemDetails = Type.Object(
  {
    type: Type.String({ description: 'URI reference of the error’s page.' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: ErrorCodes,
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
