import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { JobResponse, TrainVocabularyRequest } from '@tessera/contracts';
import type { FastifyRequest } from 'fastify';
import type { GatewayApp, GatewayContext } from '../context.js';
import { collectArchivedExamples, collectInlineExamples } from '../intake/collect-examples.js';
import { refuseQueryFields } from '../intake/read-form.js';
import { readTrainingForm } from '../intake/read-training-form.js';
import { clientGone } from '../jobs/client-gone.js';
import { JobHeaders } from '../jobs/job-headers.js';
import { jobSummary } from '../jobs/job-response.js';
import {
  guardProblems,
  imageProblems,
  jsonResponse,
  loadProblems,
  problemResponses,
  webhookProblems,
} from '../openapi/responses.js';
import { uploadTimeoutMs } from '../server-options.js';
import { startTraining, type ExampleSource, type TrainingRequest } from '../vocabularies/start-training.js';

const schema = {
  operationId: 'trainVocabulary',
  summary: 'Train soft prompts on examples',
  description:
    'Learns the attributes and objects of a domain from labelled images, as a job. Small sets come as JSON; larger ones as a form with an archive: a tar or tar.gz with `metadata.json` (an array of `{"image": "a.jpg", "attributes": "red", "object": "dress", "set": "train"}`, paths below `images/`) and `images/`. Follow the job at `/jobs/{id}/events`; its result is the vocabulary’s description.',
  tags: ['Vocabularies'],
  security: [{ apiKey: [] }],
  headers: JobHeaders,
  // A form is validated elsewhere: its archive is processed while it arrives.
  body: { content: { 'application/json': { schema: TrainVocabularyRequest } } },
  response: {
    202: {
      ...jsonResponse(JobResponse, 'The training is queued.'),
      headers: { location: { type: 'string', description: '`/jobs/{id}`' } },
    },
    ...problemResponses(
      ...guardProblems,
      ...imageProblems,
      'TSR_MODEL_NOT_FOUND',
      'TSR_REQUEST_TIMEOUT',
      ...webhookProblems,
      'TSR_VOCABULARY_CONFLICT',
      'TSR_IDEMPOTENCY_KEY_REUSED',
      'TSR_ARCHIVE_INVALID',
      'TSR_TRAINING_SET_INVALID',
      ...loadProblems,
      'TSR_QUEUE_UNAVAILABLE',
    ),
  },
};

/** `POST /vocabularies`. */
export function addTraining(app: GatewayApp, context: GatewayContext): void {
  const maxArchiveBytes = context.config.TESSERA_MAX_ARCHIVE_MB * 1_000_000;
  app.post(
    '/vocabularies',
    { schema, config: { bodyTimeoutMs: uploadTimeoutMs, bodyTypes: 'application/json or multipart/form-data' } },
    async (request: FastifyRequest, reply) => {
      refuseQueryFields(request);
      const client = clientGone(reply);
      const id = request.isMultipart()
        ? await readTrainingForm(request, maxArchiveBytes, async (options, archive, formEnd) => {
            const source = archivedExamples(archive, formEnd, request, context);
            return startTraining({ options, fields: { form: options }, source, client }, request, reply, context);
          })
        : await startTraining(inlineTraining(request, context, client), request, reply, context);
      const job = await context.trainings.get(id);
      return reply
        .code(202)
        .header('location', `/jobs/${id}`)
        .send(job === null ? { id } : jobSummary(job));
    },
  );
}

function inlineTraining(request: FastifyRequest, context: GatewayContext, client: AbortSignal): TrainingRequest {
  const fields = request.body as TrainVocabularyRequest;
  const { examples, ...options } = fields;
  return {
    options,
    fields,
    source: {
      collect: (set) => collectInlineExamples(examples, set, context, client),
      content: () => Promise.resolve(undefined),
    },
    client,
  };
}

/** The examples of an archive, which can be read once. */
function archivedExamples(
  archive: Readable,
  formEnd: Promise<void>,
  request: FastifyRequest,
  context: GatewayContext,
): ExampleSource {
  const hash = createHash('sha256');
  // A stream that was paused does not begin to flow because somebody listens.
  archive.pause();
  archive.on('data', (chunk: Buffer) => {
    hash.update(chunk);
  });
  return {
    async collect(set) {
      const examples = await collectArchivedExamples(archive, set, context, request.bodyLease);
      await formEnd;
      return examples;
    },
    async content() {
      archive.resume();
      await formEnd;
      return hash.copy().digest('hex');
    },
  };
}
