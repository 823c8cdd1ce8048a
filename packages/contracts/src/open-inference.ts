import Type, { type Static } from 'typebox';
import { ProblemDetails } from './job.js';

/**
 * Bodies of the Open Inference Protocol (version 2, REST) and its binary tensor data extension:
 * https://github.com/kserve/open-inference-protocol and
 * https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol/binary-tensor-data-extension
 */

const strict = { additionalProperties: false } as const;

/** Most tensors of a request. */
const mostTensors = 16;

const Shape = Type.Array(Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 }), {
  maxItems: 8,
  description: 'Number of elements in each dimension.',
});

const Elements = Type.Array(Type.Unknown(), {
  description: 'The elements, row by row; nested lists mean the same. Texts for BYTES.',
});

const Parameters = (description: string) =>
  Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]), { description });

export const InferenceInput = Type.Object(
  {
    name: Type.String({ maxLength: 64 }),
    shape: Shape,
    datatype: Type.Enum(['BYTES', 'UINT8']),
    parameters: Type.Optional(
      Type.Object(
        {
          binary_data_size: Type.Optional(
            Type.Integer({ minimum: 0, description: 'Bytes of the tensor after the JSON; then there is no `data`.' }),
          ),
        },
        strict,
      ),
    ),
    data: Type.Optional(Elements),
  },
  strict,
);
export type InferenceInput = Static<typeof InferenceInput>;

export const RequestedOutput = Type.Object(
  {
    name: Type.String({ maxLength: 64 }),
    parameters: Type.Optional(
      Type.Object(
        { binary_data: Type.Optional(Type.Boolean({ description: 'Whether it comes after the JSON, as bytes.' })) },
        strict,
      ),
    ),
  },
  strict,
);

export const InferenceRequest = Type.Object(
  {
    id: Type.Optional(Type.String({ maxLength: 256, description: 'Comes back in the response.' })),
    parameters: Type.Optional(
      Parameters('`binary_data_output`: all outputs come as bytes. Others are the options of the model.'),
    ),
    inputs: Type.Array(InferenceInput, { minItems: 1, maxItems: mostTensors }),
    outputs: Type.Optional(
      Type.Array(RequestedOutput, { maxItems: mostTensors, description: 'By default all outputs of the model.' }),
    ),
  },
  strict,
);
export type InferenceRequest = Static<typeof InferenceRequest>;

export const InferenceOutput = Type.Object({
  name: Type.String(),
  datatype: Type.Enum(['BYTES', 'BOOL', 'FP32', 'INT64']),
  shape: Shape,
  parameters: Type.Optional(
    Type.Object({ binary_data_size: Type.Integer({ description: 'Bytes of the tensor after the JSON.' }) }),
  ),
  data: Type.Optional(Elements),
});
export type InferenceOutput = Static<typeof InferenceOutput>;

export const InferenceResponse = Type.Object({
  model_name: Type.String(),
  model_version: Type.String(),
  id: Type.String({ description: 'Of the request; otherwise the job’s.' }),
  outputs: Type.Array(InferenceOutput),
});
export type InferenceResponse = Static<typeof InferenceResponse>;

export const TensorMetadata = Type.Object({
  name: Type.String(),
  datatype: Type.String(),
  shape: Type.Array(Type.Integer(), { description: '-1: any number.' }),
});
export type TensorMetadata = Static<typeof TensorMetadata>;

export const ModelMetadata = Type.Object({
  name: Type.String(),
  versions: Type.Array(Type.String()),
  platform: Type.String(),
  inputs: Type.Array(TensorMetadata),
  outputs: Type.Array(TensorMetadata),
});
export type ModelMetadata = Static<typeof ModelMetadata>;

export const InferenceServer = Type.Object({
  name: Type.String(),
  version: Type.String(),
  extensions: Type.Array(Type.String()),
});

export const InferenceModels = Type.Object({ models: Type.Array(Type.String()) });

export const ModelReady = Type.Object({ name: Type.String(), ready: Type.Literal(true) });

export const ServerLive = Type.Object({ live: Type.Literal(true) });

export const ServerReady = Type.Object({ ready: Type.Literal(true) });

/** The error object of the protocol, which is also problem details. */
export const InferenceProblem = Type.Object({
  error: Type.String({ description: 'The code and the detail, for clients of the protocol.' }),
  ...ProblemDetails.properties,
});
export type InferenceProblem = Static<typeof InferenceProblem>;
