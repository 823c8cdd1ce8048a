import { randomUUID } from 'node:crypto';
import { imageId } from '@tessera/blob-store';
import { JobResponse, SegmentRequest, SegmentResponse, TesseraError, type SegmentJob } from '@tessera/contracts';
import type { GatewayApp, GatewayContext } from '../context.js';
import { readSegmentForm } from '../intake/read-form.js';
import { storeImage } from '../intake/store-image.js';
import { answerWithJob } from '../jobs/answer-with-job.js';
import { clientGone } from '../jobs/client-gone.js';
import { JobHeaders, jobOptions } from '../jobs/job-headers.js';
import { parsePrefer } from '../jobs/prefer-header.js';
import { jsonResponse, problemResponses } from '../openapi/responses.js';
import { bodyLimitBytes } from '../server-options.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The file part of a form; the body then refers to it by its id. */
    uploadedImage: Uint8Array | undefined;
  }
}

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
    202: {
      ...jsonResponse(JobResponse, 'Not finished within the wait, or `respond-async`: ask for the job at `location`.'),
      headers: {
        location: { type: 'string', description: '`/jobs/{id}`' },
        'preference-applied': { type: 'string', description: 'The preference that was honoured.' },
        'retry-after': { type: 'integer', description: 'Seconds after which asking makes sense.' },
      },
    },
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

/** `POST /segment`: stores the image, queues the job and waits for its result. */
export function addSegment(app: GatewayApp, context: GatewayContext): void {
  app.decorateRequest('uploadedImage');
  app.post(
    '/segment',
    {
      schema,
      preValidation: async (request) => {
        if (!request.isMultipart()) return;
        const { body, image } = await readSegmentForm(request, bodyLimitBytes(context.config));
        request.uploadedImage = image;
        // From here on a form is a JSON body that refers to its image; like any body it is validated next.
        request.body = { ...body, ...(image === undefined ? {} : { image: { id: imageId(image) } }) } as SegmentRequest;
      },
    },
    async (request, reply) => {
      const startedAt = performance.now();
      const client = clientGone(reply);
      const job = await createJob(request.body, request.uploadedImage, context, client);
      // Nothing may keep the image in memory while the request waits.
      request.body = undefined as never;
      request.uploadedImage = undefined;
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
  uploadedImage: Uint8Array | undefined,
  context: GatewayContext,
  client: AbortSignal,
): Promise<SegmentJob> {
  const asked = oneOf(query, queries);
  if (options.model !== undefined) await requireModel(options.model, context);
  return {
    kind: 'segment',
    imageId: await storeImage(uploadedImage ?? image, context, client),
    queries: asked,
    options,
  };
}

function oneOf(query: string | undefined, queries: string[] | undefined): string[] {
  if (query !== undefined && queries === undefined) return [query];
  if (query === undefined && queries !== undefined) return queries;
  const message = 'give exactly one of query and queries';
  throw new TesseraError('TSR_VALIDATION', 'Give exactly one of /query and /queries.', {
    fields: [
      { pointer: '/query', message },
      { pointer: '/queries', message },
    ],
  });
}

/** While no worker reports itself nobody knows which models there will be, and the job may wait for one. */
async function requireModel(name: string, { workers }: GatewayContext): Promise<void> {
  const served = (await workers.models()).map((model) => model.name);
  if (served.length === 0 || served.includes(name)) return;
  throw new TesseraError('TSR_MODEL_NOT_FOUND', `The model is none of: ${served.join(', ')}.`);
}
