import { errorTable, JobResponse, ProblemDetails, type ErrorCode } from '@tessera/contracts';
import type { TSchema } from 'typebox';
import { problemMediaType } from '../problems/problem-details.js';

/** Errors of every route. */
const always: readonly ErrorCode[] = ['TSR_INTERNAL'];

/** Errors of a route that API keys guard. */
export const guardProblems = ['TSR_UNAUTHORIZED', 'TSR_RATE_LIMITED'] as const satisfies readonly ErrorCode[];

/** Errors of a route that takes images in any form. */
export const imageProblems = [
  'TSR_VALIDATION',
  'TSR_BODY_INVALID',
  'TSR_IMAGE_SOURCE_INVALID',
  'TSR_IMAGE_URL_FORBIDDEN',
  'TSR_IMAGE_NOT_FOUND',
  'TSR_BODY_TOO_LARGE',
  'TSR_IMAGE_TOO_LARGE',
  'TSR_MEDIA_TYPE_UNSUPPORTED',
  'TSR_IMAGE_FORMAT_UNSUPPORTED',
  'TSR_IMAGE_FETCH_FAILED',
  'TSR_IMAGE_CORRUPT',
] as const satisfies readonly ErrorCode[];

/** Errors of a route whose request may have a webhook. */
export const webhookProblems = [
  'TSR_WEBHOOK_URL_FORBIDDEN',
  'TSR_WEBHOOK_SECRET_MISSING',
] as const satisfies readonly ErrorCode[];

/** Errors of a route that takes in work, when there is too much of it. */
export const loadProblems = ['TSR_QUEUE_FULL', 'TSR_OVERLOADED'] as const satisfies readonly ErrorCode[];

/** Errors of a route that waits for its job. */
export const jobProblems = [
  ...webhookProblems,
  'TSR_MODEL_NOT_FOUND',
  'TSR_IMAGE_TIMEOUT',
  'TSR_JOB_CANCELLED',
  ...loadProblems,
  'TSR_IDEMPOTENCY_KEY_REUSED',
  'TSR_INFERENCE_FAILED',
  'TSR_RUN_INVALID',
  'TSR_VERSION_MISMATCH',
  'TSR_QUEUE_UNAVAILABLE',
  'TSR_JOB_EXPIRED',
] as const satisfies readonly ErrorCode[];

/** A response with a JSON body, described. */
export function jsonResponse(schema: TSchema, description: string): object {
  return { description, content: { 'application/json': { schema } } };
}

/** The 202 of a route that waits for its job. */
export const acceptedResponse = {
  ...jsonResponse(JobResponse, 'Not finished within the wait, or `respond-async`: the job is at `location`.'),
  headers: {
    location: { type: 'string', description: '`/jobs/{id}`' },
    'preference-applied': { type: 'string', description: 'The preference that was honoured.' },
    'retry-after': { type: 'integer', description: 'Seconds after which to request the job.' },
  },
};

const limitHeaders = {
  'retry-after': { type: 'integer', description: 'Seconds after which to try again.' },
  ratelimit: {
    type: 'string',
    description: 'Where there is a limit: requests left, and seconds until it is full again.',
  },
  'ratelimit-policy': { type: 'string', description: 'The limit: requests, and the seconds that they are counted in.' },
};

/** Response schemas for the errors of a route, one per status, each naming its codes. */
export function problemResponses(...codes: readonly ErrorCode[]): Record<number, object> {
  return problemResponsesAs(ProblemDetails, codes);
}

/** The same for a route whose errors have a schema of their own. */
export function problemResponsesAs(problem: TSchema, codes: readonly ErrorCode[]): Record<number, object> {
  const responses: Record<number, { description: string; content: object }> = {};
  for (const code of [...codes, ...always]) {
    const { status, title } = errorTable[code];
    const line = `\`${code}\`: ${title}.`;
    const known = responses[status];
    responses[status] = {
      description: known === undefined ? line : `${known.description}\n\n${line}`,
      ...(status === 429 ? { headers: limitHeaders } : {}),
      content: { [problemMediaType]: { schema: problem } },
    };
  }
  return responses;
}
