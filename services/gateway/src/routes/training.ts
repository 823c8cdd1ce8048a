import { randomUUID } from 'node:crypto';
import { JobResponse, TrainVocabularyRequest, type StoredExample, type TrainingOptions } from '@tessera/contracts';
import type { FastifyRequest } from 'fastify';
import type { GatewayApp, GatewayContext } from '../context.js';
import { collectArchivedExamples, collectInlineExamples } from '../intake/collect-examples.js';
import { refuseQueryFields } from '../intake/read-form.js';
import { readTrainingForm } from '../intake/read-training-form.js';
import { TrainingSet } from '../intake/training-set.js';
import { clientGone } from '../jobs/client-gone.js';
import { JobHeaders, jobOptions } from '../jobs/job-headers.js';
import { jobOrigin } from '../jobs/job-origin.js';
import { jobSummary } from '../jobs/job-response.js';
import { guardProblems, imageProblems, jsonResponse, problemResponses, webhookProblems } from '../openapi/responses.js';
import { uploadTimeoutMs } from '../server-options.js';
import { requireModel } from '../workers/require-model.js';

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
      'TSR_ARCHIVE_INVALID',
      'TSR_TRAINING_SET_INVALID',
      'TSR_QUEUE_FULL',
      'TSR_QUEUE_UNAVAILABLE',
    ),
  },
};

/** `POST /vocabularies`. */
export function addTraining(app: GatewayApp, context: GatewayContext): void {
  const maxArchiveBytes = context.config.TESSERA_MAX_ARCHIVE_MB * 1_000_000;
  app.post(
    '/vocabularies',
    { schema, config: { bodyTimeoutMs: uploadTimeoutMs } },
    async (request: FastifyRequest, reply) => {
      refuseQueryFields(request);
      const client = clientGone(reply);
      const id = request.isMultipart()
        ? await readTrainingForm(request, maxArchiveBytes, (training, archive, formEnd) =>
            startTraining(training, request, context, async (set) => {
              const examples = await collectArchivedExamples(archive, set, context, request.bodyLease);
              await formEnd;
              return examples;
            }),
          )
        : await startInlineTraining(request.body as TrainVocabularyRequest, request, context, client);
      const job = await context.trainings.get(id);
      return reply
        .code(202)
        .header('location', `/jobs/${id}`)
        .send(job === null ? { id } : jobSummary(job));
    },
  );
}

function startInlineTraining(
  { examples, ...training }: TrainVocabularyRequest,
  request: FastifyRequest,
  context: GatewayContext,
  client: AbortSignal,
): Promise<string> {
  return startTraining(training, request, context, (set) => collectInlineExamples(examples, set, context, client));
}

/** Holds the name, stores the examples and queues the training, or removes all of it; gives the job's id. */
async function startTraining(
  { name, model, method = 'csp', recipe = {}, replace = false, webhook }: TrainingOptions,
  request: FastifyRequest,
  context: GatewayContext,
  collect: (set: TrainingSet) => Promise<StoredExample[]>,
): Promise<string> {
  const { vocabularies, trainings, workers, config } = context;
  const origin = jobOrigin(request, webhook, context);
  if (model !== undefined) await requireModel(model, 'composition', workers);
  // Gateways of versions before this one know the queue of a job by the beginning of its id.
  const id = `training-${randomUUID()}`;
  const held = await vocabularies.hold(name, id, replace);
  const set = new TrainingSet(id, context);
  try {
    await set.complete(await collect(set));
    const job = { kind: 'train-vocabulary', name, method, recipe, ...(model === undefined ? {} : { model }) } as const;
    await trainings.add(job, { id, origin, ...jobOptions(request) });
  } catch (error) {
    held.release();
    await set.discard();
    await vocabularies.forget(id, name);
    throw error;
  }
  // The job is accepted. If the claim is not passed on, the worker that starts the job claims the name again.
  await held.passToJob(config.TESSERA_TRAINING_TTL_S * 1000).catch(() => undefined);
  return id;
}
