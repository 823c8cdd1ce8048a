import {
  InferenceModels,
  InferenceRequest,
  InferenceResponse,
  InferenceServer,
  ModelMetadata,
  ModelReady,
  ServerLive,
  ServerReady,
  versionMismatch,
  type ModelDescription,
} from '@tessera/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { GatewayApp, GatewayContext } from '../context.js';
import { JobHeaders } from '../jobs/job-headers.js';
import { compositionTask } from '../open-inference/composition-task.js';
import { infer } from '../open-inference/infer.js';
import { protocolProblems } from '../open-inference/problems.js';
import { acceptInferenceBodies } from '../open-inference/read-body.js';
import { segmentationTask } from '../open-inference/segmentation-task.js';
import { servedModel } from '../open-inference/served-model.js';
import { packageVersion } from '../openapi/document.js';
import { guardProblems, imageProblems, jobProblems, jsonResponse } from '../openapi/responses.js';

const tags = ['Open Inference Protocol'];
const guarded = { tags, security: [{ apiKey: [] }] };
const modelProblems = [...guardProblems, 'TSR_MODEL_NOT_FOUND', 'TSR_NOT_READY', 'TSR_QUEUE_UNAVAILABLE'] as const;
const ModelPath = Type.Object({
  name: Type.String({ description: 'A name from /v2/models.', examples: ['tessera-mini'] }),
});
const VersionPath = Type.Object({ ...ModelPath.properties, version: Type.String() });

const InferenceHeaders = Type.Object({
  // A client of the protocol cannot choose how long to wait.
  ...Type.Omit(JobHeaders, ['prefer']).properties,
  'inference-header-content-length': Type.Optional(
    Type.String({
      pattern: '^[0-9]{1,9}$',
      description: 'Bytes of the body that are the JSON, when the bytes of tensors follow it.',
    }),
  ),
});

const inferSchema = {
  operationId: 'inferModel',
  summary: 'Run a model',
  description:
    'The metadata of the model names its tensors; docs/guides/open-inference-protocol.md describes them. Tensors may come and go as bytes after the JSON (binary tensor data extension).',
  ...guarded,
  params: ModelPath,
  headers: InferenceHeaders,
  body: InferenceRequest,
  response: {
    200: {
      description: 'The outputs. As `application/octet-stream` when some come as bytes after the JSON.',
      headers: {
        'inference-header-content-length': {
          type: 'integer',
          description: 'Of an octet stream: bytes that are the JSON.',
        },
      },
      content: {
        'application/json': { schema: InferenceResponse },
        'application/octet-stream': { schema: { type: 'string', format: 'binary' } },
      },
    },
    ...protocolProblems(
      ...modelProblems,
      ...imageProblems,
      ...jobProblems.filter((code) => !code.startsWith('TSR_WEBHOOK')),
      'TSR_OPTION_UNSUPPORTED',
      'TSR_VOCABULARY_NOT_FOUND',
      'TSR_VOCABULARY_MISMATCH',
      'TSR_VOCABULARY_INVALID',
    ),
  },
};

/** `GET /v2/health/live` and `/v2/health/ready`: as `/livez` and `/readyz`, without an API key. */
export function addInferenceHealth(app: GatewayApp, { readiness }: GatewayContext): void {
  app.get(
    '/v2/health/live',
    {
      schema: {
        operationId: 'inferenceServerLive',
        summary: 'Whether the process is alive',
        tags,
        response: { 200: jsonResponse(ServerLive, 'It is.') },
      },
    },
    () => ({ live: true as const }),
  );
  app.get(
    '/v2/health/ready',
    {
      schema: {
        operationId: 'inferenceServerReady',
        summary: 'Whether requests will be answered',
        tags,
        response: { 200: jsonResponse(ServerReady, 'They will.'), ...protocolProblems('TSR_NOT_READY') },
      },
    },
    async () => {
      await readiness.check();
      return { ready: true as const };
    },
  );
}

/** The metadata and inference routes of the Open Inference Protocol, version 2. */
export function addOpenInference(app: GatewayApp, context: GatewayContext): void {
  acceptInferenceBodies(app);
  addServer(app, context);
  addModel(app, '/v2/models/:name', context);
  addModel(app, '/v2/models/:name/versions/:version', context);
}

function addServer(app: GatewayApp, { workers }: GatewayContext): void {
  app.get(
    '/v2',
    {
      schema: {
        operationId: 'inferenceServer',
        summary: 'What the server is',
        ...guarded,
        response: {
          200: jsonResponse(InferenceServer, 'Its name and extensions.'),
          ...protocolProblems(...guardProblems),
        },
      },
    },
    () => ({ name: 'tessera', version: packageVersion(), extensions: ['binary_tensor_data'] }),
  );
  app.get(
    '/v2/models',
    {
      schema: {
        operationId: 'inferenceModels',
        summary: 'Names of the models that are served',
        ...guarded,
        response: {
          200: jsonResponse(InferenceModels, 'Their names.'),
          ...protocolProblems(...guardProblems, 'TSR_QUEUE_UNAVAILABLE'),
        },
      },
    },
    async () => ({ models: (await workers.models()).map(({ name }) => name) }),
  );
}

/** The routes of a model; those with a version are left out of the OpenAPI document: a service has one version of a model. */
function addModel(app: GatewayApp, path: string, context: GatewayContext): void {
  const isVersioned = path.includes(':version');
  const common = { ...guarded, hide: isVersioned, params: isVersioned ? VersionPath : ModelPath };
  const find = ({ params }: FastifyRequest) => {
    const { name, version } = params as { name: string; version?: string };
    return servedModel(name, version, context.workers);
  };
  app.get(
    path,
    {
      schema: {
        ...common,
        operationId: 'inferenceModel',
        summary: 'The tensors of a model',
        response: {
          200: jsonResponse(ModelMetadata, 'Its inputs and outputs.'),
          ...protocolProblems(...modelProblems),
        },
      },
    },
    async (request) => metadataOf(await find(request)),
  );
  app.get(
    `${path}/ready`,
    {
      schema: {
        ...common,
        operationId: 'inferenceModelReady',
        summary: 'Whether requests for a model will be answered',
        response: { 200: jsonResponse(ModelReady, 'They will.'), ...protocolProblems(...modelProblems) },
      },
    },
    async (request) => {
      const { name } = await find(request);
      await context.readiness.check();
      return { name, ready: true as const };
    },
  );
  app.post(`${path}/infer`, { schema: { ...inferSchema, ...common } }, async (request, reply) => {
    const model = await find(request);
    return inferTask(model, request, reply, context);
  });
}

function inferTask(
  model: ModelDescription,
  request: FastifyRequest,
  reply: FastifyReply,
  context: GatewayContext,
): Promise<FastifyReply> {
  if (model.task === 'segmentation') return infer(request, reply, model, segmentationTask, context);
  if (model.task === 'composition') return infer(request, reply, model, compositionTask, context);
  throw unknownTask(model);
}

function metadataOf(model: ModelDescription): ModelMetadata {
  const { name, version, task } = model;
  const tensors = task === 'segmentation' ? segmentationTask : task === 'composition' ? compositionTask : undefined;
  if (tensors === undefined) throw unknownTask(model);
  return {
    name,
    versions: [version],
    platform: 'tessera_bundle',
    inputs: [...tensors.inputs],
    outputs: tensors.outputs.map((output) => ({ name: output.name, datatype: output.datatype, shape: output.shape })),
  };
}

function unknownTask({ name, task }: ModelDescription): Error {
  return versionMismatch(`The model ${name} is for ${task}, which this gateway does not know`);
}
