import { randomUUID } from 'node:crypto';
import { SegmentOptions, SegmentRequest, SegmentResponse, type SegmentJob } from '@tessera/contracts';
import type { GatewayApp, GatewayContext } from '../context.js';
import type { FormShape } from '../intake/form-fields.js';
import { readForm } from '../intake/read-form.js';
import { storeImage } from '../intake/store-image.js';
import { answerWithJob } from '../jobs/answer-with-job.js';
import { clientGone } from '../jobs/client-gone.js';
import { JobHeaders, jobOptions } from '../jobs/job-headers.js';
import { parsePrefer } from '../jobs/prefer-header.js';
import { acceptedResponse, jsonResponse, problemResponses } from '../openapi/responses.js';
import { exactlyOne } from '../problems/exactly-one.js';
import { bodyLimitBytes } from '../server-options.js';
import { requireModel } from '../workers/require-model.js';

const schema = {
  operationId: 'segment',
  summary: 'A mask for a sentence',
  description:
    'Give exactly one of `query` and `queries`. A query without a target is a success: `present` is false and the mask is empty. A client that closes the connection while it waits cancels its job.',
  tags: ['Segmentation'],
  security: [{ apiKey: [] }],
  headers: JobHeaders,
  body: SegmentRequest,
  response: {
    200: jsonResponse(SegmentResponse, 'One result per query, in their order.'),
    202: acceptedResponse,
    ...problemResponses(
      'TSR_VALIDATION',
      'TSR_BODY_INVALID',
      'TSR_IMAGE_SOURCE_INVALID',
      'TSR_UNAUTHORIZED',
      'TSR_IMAGE_URL_FORBIDDEN',
      'TSR_IMAGE_NOT_FOUND',
      'TSR_MODEL_NOT_FOUND',
      'TSR_JOB_CANCELLED',
      'TSR_BODY_TOO_LARGE',
      'TSR_IMAGE_TOO_LARGE',
      'TSR_MEDIA_TYPE_UNSUPPORTED',
      'TSR_IMAGE_FORMAT_UNSUPPORTED',
      'TSR_IMAGE_FETCH_FAILED',
      'TSR_IMAGE_CORRUPT',
      'TSR_OPTION_UNSUPPORTED',
      'TSR_QUEUE_FULL',
      'TSR_INFERENCE_FAILED',
      'TSR_QUEUE_UNAVAILABLE',
      'TSR_JOB_EXPIRED',
    ),
  },
};

const form: FormShape = {
  properties: SegmentRequest.properties,
  lists: ['queries'],
  files: ['image'],
  options: Object.keys(SegmentOptions.properties),
  maxFiles: 4,
};

/** `POST /segment`: stores the image, queues the job and waits for its result. */
export function addSegment(app: GatewayApp, context: GatewayContext): void {
  app.post(
    '/segment',
    {
      schema,
      preValidation: async (request) => {
        if (!request.isMultipart()) return;
        const { body, uploads } = await readForm(request, form, bodyLimitBytes(context.config));
        request.uploads = uploads;
        // From here on a form is a JSON body that refers to its image; like any body it is validated next.
        request.body = body as SegmentRequest;
      },
    },
    async (request, reply) => {
      const startedAt = performance.now();
      const client = clientGone(reply);
      const job = await createJob(request.body, request.uploads, context, client);
      // Nothing may keep the image in memory while the request waits.
      request.body = undefined as never;
      request.uploads = new Map();
      request.bodyLease.release();
      const id = randomUUID();
      await context.queue.add(job, { id, ...jobOptions(request.headers) });
      const intakeMs = performance.now() - startedAt;
      return answerWithJob(id, parsePrefer(request.headers.prefer), { reply, client, context, intakeMs });
    },
  );
}

async function createJob(
  { image, query, queries, ...options }: SegmentRequest,
  uploads: ReadonlyMap<string, Uint8Array>,
  context: GatewayContext,
  client: AbortSignal,
): Promise<SegmentJob> {
  const asked = oneOf(query, queries);
  if (options.model !== undefined) await requireModel(options.model, 'segmentation', context.workers);
  return {
    kind: 'segment',
    imageId: await storeImage(image, uploads, context, client),
    queries: asked,
    options,
  };
}

function oneOf(query: string | undefined, queries: string[] | undefined): string[] {
  if (query !== undefined && queries === undefined) return [query];
  if (query === undefined && queries !== undefined) return queries;
  throw exactlyOne('query', 'queries');
}
