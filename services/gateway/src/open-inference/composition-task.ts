import {
  ClassifyCompositionRequest,
  TesseraError,
  type ClassifyCompositionResponse,
  type CompositionPrediction,
} from '@tessera/contracts';
import { createClassifyJob } from '../intake/classify-job.js';
import { imagesOf } from './image-tensor.js';
import { textsOf, type InputTensor } from './input-tensor.js';
import type { ModelOutput, OutputTensor } from './output-tensor.js';
import type { InferenceCall, ProtocolTask } from './protocol-task.js';

/** Predictions of all images, best first; every image has the same number. */
function predictionsOf({ results }: ClassifyCompositionResponse): {
  shape: number[];
  predictions: CompositionPrediction[];
} {
  const predictions = results.flatMap((result) => result.predictions);
  return { shape: [results.length, predictions.length / results.length], predictions };
}

/** One text per image and prediction. */
function perPrediction(
  name: string,
  value: (prediction: CompositionPrediction) => string,
): ModelOutput<ClassifyCompositionResponse> {
  const of = (response: ClassifyCompositionResponse): OutputTensor => {
    const { shape, predictions } = predictionsOf(response);
    return { datatype: 'BYTES', shape, values: predictions.map(value) };
  };
  return { name, datatype: 'BYTES', shape: [-1, -1], of };
}

const outputs: ModelOutput<ClassifyCompositionResponse>[] = [
  perPrediction('label', ({ label }) => label),
  perPrediction('attributes', ({ attributes }) => JSON.stringify(attributes)),
  perPrediction('object', ({ object }) => object),
  {
    name: 'score',
    datatype: 'FP32',
    shape: [-1, -1],
    of: (response) => {
      const { shape, predictions } = predictionsOf(response);
      return { datatype: 'FP32', shape, values: predictions.map(({ score }) => score) };
    },
  },
  {
    name: 'seen',
    datatype: 'BOOL',
    shape: [-1, -1],
    of: (response) => {
      const { shape, predictions } = predictionsOf(response);
      return { datatype: 'BOOL', shape, values: Uint8Array.from(predictions, ({ seen }) => (seen ? 1 : 0)) };
    },
  },
  {
    name: 'none',
    datatype: 'FP32',
    shape: [-1],
    of: ({ results }) => {
      const values = results.flatMap(({ none }) => none ?? []);
      return values.length === results.length ? { datatype: 'FP32', shape: [values.length], values } : undefined;
    },
  },
  {
    name: 'warnings',
    datatype: 'BYTES',
    shape: [1],
    of: ({ warnings }) => ({ datatype: 'BYTES', shape: [1], values: [JSON.stringify(warnings)] }),
  },
];

/** `POST /classify-composition` by the Open Inference Protocol. */
export const compositionTask: ProtocolTask<ClassifyCompositionRequest, ClassifyCompositionResponse> = {
  inputs: [{ name: 'image', datatype: 'BYTES', shape: [-1] }],
  optionalInputs: [
    { name: 'attributes', datatype: 'BYTES', shape: [-1] },
    { name: 'objects', datatype: 'BYTES', shape: [-1] },
    { name: 'pairs', datatype: 'BYTES', shape: [-1, -1] },
  ],
  outputs,
  parameters: ['vocabulary', 'world', 'feasibility_threshold', 'unseen_bias', 'top_k', 'unknown_primitives'],
  schema: ClassifyCompositionRequest,
  inputOfField: { images: 'image', attributes: 'attributes', objects: 'objects', pairs: 'pairs' },
  toRequest: ({ model, inputs, parameters }) => {
    const image = inputs.get('image');
    if (image === undefined) throw new RangeError('The names were not checked');
    const { sources, uploads } = imagesOf(image);
    const pairs = inputs.get('pairs');
    const body = {
      images: sources,
      model,
      ...parameters,
      vocabulary: vocabularyOf(inputs, parameters),
      ...(pairs !== undefined && { pairs: rowsOf(pairs) }),
    };
    return { body, uploads };
  },
  createJob: (id, body, _call, uploads, context, client) => createClassifyJob(id, body, uploads, context, client),
};

/** @throws TesseraError `TSR_VALIDATION` unless there is either the parameter, or both inputs */
function vocabularyOf(inputs: InferenceCall['inputs'], { vocabulary }: InferenceCall['parameters']): unknown {
  const [attributes, objects] = [inputs.get('attributes'), inputs.get('objects')];
  if (attributes === undefined && objects === undefined && vocabulary !== undefined) return vocabulary;
  if (attributes !== undefined && objects !== undefined && vocabulary === undefined) {
    return { attributes: textsOf(attributes), objects: textsOf(objects) };
  }
  const message = 'must have attributes and objects, or the parameters a vocabulary, and not both';
  throw TesseraError.invalid([{ pointer: '/inputs', message }]);
}

/** The rows of a matrix of texts. */
function rowsOf(tensor: InputTensor): string[][] {
  const [rows = 0, columns = 0] = tensor.shape;
  if (tensor.shape.length !== 2 || columns === 0) {
    throw TesseraError.invalid([{ pointer: `${tensor.pointer}/shape`, message: 'must be [pairs, words of a pair]' }]);
  }
  const texts = textsOf(tensor);
  return Array.from({ length: rows }, (_, row) => texts.slice(row * columns, (row + 1) * columns));
}
