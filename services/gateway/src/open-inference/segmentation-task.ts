import { SegmentRequest, TesseraError, type SegmentQueryResult, type SegmentResponse } from '@tessera/contracts';
import { decodeRle, type UntrustedRle } from '@tessera/masks';
import { createSegmentJob } from '../intake/segment-job.js';
import { storedImageHeader } from '../intake/store-image.js';
import { bodyLimitBytes } from '../server-options.js';
import { imagesOf } from './image-tensor.js';
import { textsOf } from './input-tensor.js';
import type { ModelOutput, OutputTensor } from './output-tensor.js';
import type { ProtocolTask } from './protocol-task.js';

/** Characters that an element of a mask takes in JSON: `false,`. */
const elementCharacters = 6;

/** One value per query. */
function perQuery(
  name: string,
  datatype: 'BYTES',
  value: (result: SegmentQueryResult) => string,
): ModelOutput<SegmentResponse>;
function perQuery(
  name: string,
  datatype: 'FP32' | 'INT64',
  value: (result: SegmentQueryResult) => number,
): ModelOutput<SegmentResponse>;
function perQuery(
  name: string,
  datatype: 'BYTES' | 'FP32' | 'INT64',
  value: (result: SegmentQueryResult) => string | number,
): ModelOutput<SegmentResponse> {
  const of = ({ results }: SegmentResponse) =>
    ({ datatype, shape: [results.length], values: results.map(value) }) as OutputTensor;
  return { name, datatype, shape: [-1], of };
}

const outputs: ModelOutput<SegmentResponse>[] = [
  { name: 'mask', datatype: 'BOOL', shape: [-1, -1, -1], of: masksOf },
  perQuery('rle', 'BYTES', ({ mask }) => JSON.stringify(mask)),
  {
    name: 'present',
    datatype: 'BOOL',
    shape: [-1],
    of: ({ results }) => ({
      datatype: 'BOOL',
      shape: [results.length],
      values: Uint8Array.from(results, ({ present }) => (present ? 1 : 0)),
    }),
  },
  perQuery('score', 'FP32', ({ score }) => score),
  perQuery('label', 'BYTES', ({ label = '' }) => label),
  {
    name: 'bbox',
    datatype: 'FP32',
    shape: [-1, 4],
    of: ({ results }) => ({
      datatype: 'FP32',
      shape: [results.length, 4],
      values: results.flatMap(({ bbox }) => [...bbox]),
    }),
  },
  perQuery('area', 'INT64', ({ area }) => area),
  perQuery('warnings', 'BYTES', ({ warnings }) => JSON.stringify(warnings)),
];

/** `POST /segment` by the Open Inference Protocol. */
export const segmentationTask: ProtocolTask<SegmentRequest, SegmentResponse> = {
  inputs: [
    { name: 'image', datatype: 'BYTES', shape: [1] },
    { name: 'query', datatype: 'BYTES', shape: [-1] },
  ],
  optionalInputs: [],
  outputs,
  parameters: ['threshold', 'refine', 'pruning_mode', 'pruning_reduction'],
  schema: SegmentRequest,
  inputOfField: { image: 'image', queries: 'query' },
  toRequest: ({ model, inputs, parameters }) => {
    const [image, query] = [inputs.get('image'), inputs.get('query')];
    if (image === undefined || query === undefined) throw new RangeError('The names were not checked');
    const { sources, uploads } = imagesOf(image);
    if (sources.length !== 1) {
      throw TesseraError.invalid([{ pointer: `${image.pointer}/shape`, message: 'must have one image: [1]' }]);
    }
    const { pruning_mode: mode, pruning_reduction: reduction, ...options } = parameters;
    const pruning = { ...(mode !== undefined && { mode }), ...(reduction !== undefined && { reduction }) };
    const body = {
      image: sources[0],
      queries: textsOf(query),
      model,
      output: { format: 'rle' },
      ...options,
      ...(Object.keys(pruning).length > 0 && { pruning }),
    };
    return { body, uploads };
  },
  createJob: async (_id, body, call, uploads, context, client) => {
    const job = await createSegmentJob(body, uploads, context, client);
    if (!call.outputs.has('mask')) return job;
    const { width, height } = await storedImageHeader(job.imageId, context);
    const size = job.queries.length * width * height * (call.isBinary ? 1 : elementCharacters);
    if (size > bodyLimitBytes(context.config)) {
      const most = `more than TESSERA_MAX_BODY_MB=${context.config.TESSERA_MAX_BODY_MB}`;
      const instead = `ask for ${call.isBinary ? '' : 'binary data, or for '}the output rle in its place`;
      throw TesseraError.invalid([
        { pointer: '/outputs', message: `would have ${size} bytes of masks, ${most}; ${instead}` },
      ]);
    }
    return job;
  },
};

/** The masks `[N, H, W]`. */
function masksOf({ results, image: { width, height } }: SegmentResponse): OutputTensor {
  const pixels = width * height;
  const values = new Uint8Array(results.length * pixels);
  for (const [index, { mask }] of results.entries()) {
    values.set(decodeRle(mask as UntrustedRle, { maximumPixels: pixels }).data, index * pixels);
  }
  return { datatype: 'BOOL', shape: [results.length, height, width], values };
}
