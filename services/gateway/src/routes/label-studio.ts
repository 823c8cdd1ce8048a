import {
  BackendHealth,
  mostTasks,
  PredictRequest,
  PredictResponse,
  SetupRequest,
  SetupResponse,
  TesseraError,
  type Prediction,
} from '@tessera/contracts';
import type { FastifyRequest } from 'fastify';
import type { TSchema } from 'typebox';
import type { GatewayApp, GatewayContext } from '../context.js';
import { severalAtOnce } from '../intake/several-at-once.js';
import { clientGone } from '../jobs/client-gone.js';
import { jobOrigin } from '../jobs/job-origin.js';
import { checkPoints } from '../label-studio/interaction.js';
import { knownFields } from '../label-studio/known-fields.js';
import { parseLabelingConfig } from '../label-studio/labeling-config.js';
import { predictTask, targetOf } from '../label-studio/predict-task.js';
import {
  guardProblems,
  imageProblems,
  jobProblems,
  jsonResponse,
  loadProblems,
  problemResponses,
} from '../openapi/responses.js';
import { wrongType } from '../problems/translate-error.js';
import type { WorkerDirectory } from '../workers/worker-directory.js';

/** Tasks of one request whose jobs are in the queue at the same time. */
const tasksAtOnce = 4;

const common = { tags: ['Label Studio'], security: [{ apiKey: [] }, { basic: [] }] };
const storeProblems = [...guardProblems, 'TSR_QUEUE_UNAVAILABLE'] as const;
const bodyProblems = [
  'TSR_VALIDATION',
  'TSR_BODY_INVALID',
  'TSR_BODY_TOO_LARGE',
  'TSR_MEDIA_TYPE_UNSUPPORTED',
] as const;
const config = { acceptsBasic: true, bodyTypes: 'application/json' };

/** `/label-studio`: what Label Studio asks of a machine learning backend. */
export function addLabelStudio(app: GatewayApp, context: GatewayContext): void {
  addHealth(app, context.workers);
  addSetup(app, context.workers);
  addPredict(app, context);
}

function addHealth(app: GatewayApp, workers: WorkerDirectory): void {
  const schema = {
    operationId: 'labelStudioHealth',
    summary: 'Whether the backend is there',
    ...common,
    response: {
      200: jsonResponse(BackendHealth, 'It is.'),
      ...problemResponses('TSR_UNAUTHORIZED', 'TSR_QUEUE_UNAVAILABLE'),
    },
  };
  const healthConfig = { ...config, hasRateLimit: false };
  const handler = async () => ({
    status: 'UP' as const,
    model_class: 'Tessera',
    model_version: await defaultModel(workers),
  });
  app.get('/label-studio/health', { schema, config: healthConfig }, handler);
  for (const path of ['/label-studio', '/label-studio/']) {
    app.get(path, { schema: { hide: true }, config: healthConfig }, handler);
  }
}

function addSetup(app: GatewayApp, workers: WorkerDirectory): void {
  const schema = {
    operationId: 'labelStudioSetup',
    summary: 'Check a labeling configuration',
    description:
      'Label Studio calls it when the backend is added to a project. The access token and the host name that it sends are not used.',
    ...common,
    body: SetupRequest,
    response: {
      200: jsonResponse(SetupResponse, 'Predictions can be made for it.'),
      ...problemResponses(...storeProblems, ...bodyProblems, ...loadProblems),
    },
  };
  app.post('/label-studio/setup', { schema, config, preValidation: keepKnown(SetupRequest) }, async (request) => {
    const { schema: text } = request.body;
    if (text !== undefined && text.trim() !== '') {
      const labeling = parseLabelingConfig(text, '/schema');
      // A project that is not set up yet has an empty one.
      if (!labeling.isEmpty) targetOf(labeling, '/schema');
    }
    return { model_version: await defaultModel(workers) };
  });
}

function addPredict(app: GatewayApp, context: GatewayContext): void {
  const schema = {
    operationId: 'labelStudioPredict',
    summary: 'Predictions for tasks',
    description:
      'Every label of the configuration is asked for by its name, or by its `predicted_values`. With a context, which Label Studio sends when an annotator draws or types with a smart tool, only that is asked. A task whose image cannot be used gets no regions and an `error`, unless it is so with every task.',
    ...common,
    body: PredictRequest,
    response: {
      200: jsonResponse(PredictResponse, 'One prediction per task, in their order.'),
      ...problemResponses(...guardProblems, ...imageProblems, ...jobProblems),
    },
  };
  app.post(
    '/label-studio/predict',
    { schema, config, preValidation: keepKnown(PredictRequest) },
    async (request, reply) => {
      const { tasks, label_config: text, params } = request.body;
      const most = context.config.LABEL_STUDIO_MAX_TASKS;
      if (tasks.length > most)
        throw TesseraError.invalid([{ pointer: '/tasks', message: `must not be more than ${most}` }]);
      const target = targetOf(parseLabelingConfig(text, '/label_config'), '/label_config');
      const drawn = params?.context?.result;
      checkPoints(drawn ?? [], '/params/context/result');
      const client = clientGone(reply);
      const asker = { client, origin: jobOrigin(request, undefined, context), log: request.log };
      const predictions: Prediction[] = [];
      const refusals: TesseraError[] = [];
      await severalAtOnce(tasks.entries(), tasksAtOnce, async ([index, task]) => {
        try {
          predictions[index] = await predictTask(task, target, drawn, `/tasks/${index}`, context, asker);
        } catch (error) {
          if (client.aborted) return;
          if (!isAboutTheImage(error)) throw error;
          refusals.push(error);
          predictions[index] = { result: [], score: 0, model_version: '', error: `${error.code}: ${error.message}` };
        }
      });
      if (client.aborted) return reply.hijack();
      const [refusal] = refusals;
      if (refusal !== undefined && refusals.length === tasks.length) throw refusal;
      const version = predictions.find((prediction) => prediction.model_version !== '')?.model_version;
      const model = version ?? (await defaultModel(context.workers));
      return {
        results: predictions.map((prediction) => ({ ...prediction, model_version: model })),
        model_version: model,
      };
    },
  );
}

/** Label Studio sends more than is read, as deep as its annotations are; only what the schema names is kept of a body. */
function keepKnown(schema: TSchema): (request: FastifyRequest) => Promise<void> {
  return (request) => {
    if (request.isMultipart()) throw wrongType(config.bodyTypes);
    const { body } = request;
    if (typeof body === 'object' && body !== null) request.body = withTexts(knownFields(schema, body) as object);
    return Promise.resolve();
  };
}

/** Of a task's data the texts alone: the image is one. */
function withTexts(body: { tasks?: unknown }): object {
  if (!Array.isArray(body.tasks) || body.tasks.length > mostTasks) return body;
  const tasks = (body.tasks as unknown[]).map((task) => {
    const data = typeof task === 'object' && task !== null && 'data' in task ? task.data : undefined;
    if (typeof data !== 'object' || data === null || Array.isArray(data)) return task;
    return { data: Object.fromEntries(Object.entries(data).filter(([, value]) => typeof value === 'string')) };
  });
  return { ...body, tasks };
}

/** Whether a task was refused for what its image is, so that others may do better. */
function isAboutTheImage(error: unknown): error is TesseraError {
  if (!TesseraError.isInstance(error)) return false;
  return error.code.startsWith('TSR_IMAGE_') || error.code === 'TSR_VALIDATION' || error.code === 'TSR_BODY_TOO_LARGE';
}

/** name@version of the model that requests get which name none. */
async function defaultModel(workers: WorkerDirectory): Promise<string> {
  const models = (await workers.models()).filter(({ task }) => task === 'segmentation');
  const model = models.find((candidate) => candidate.default) ?? models[0];
  return model === undefined ? 'unknown' : `${model.name}@${model.version}`;
}
