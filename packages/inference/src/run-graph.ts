import { Tensor } from 'onnxruntime-node';
import { assertFits, showDims } from './graph-contract.js';
import type { LoadedGraph } from './graph-sessions.js';
import {
  InvalidRunError,
  TensorNotKeptError,
  type HostTensor,
  type KeptTensor,
  type RunRequest,
  type RunResult,
} from './inference-runner.js';
import type { KeptTensors } from './kept-tensors.js';

/** A tensor in the inference process, with the memory it takes. */
export interface SizedTensor {
  readonly tensor: Tensor;
  readonly byteLength: number;
  dispose(): void;
}

const arrayTypes = {
  float32: Float32Array,
  float16: Uint16Array,
  uint8: Uint8Array,
  int64: BigInt64Array,
  bool: Uint8Array,
} as const;

/** Bits of one element. Of strings ONNX Runtime does not report the size: they count as pointers. */
const elementBits: Readonly<Record<Tensor.Type, number>> = {
  float64: 64,
  float32: 32,
  float16: 16,
  int64: 64,
  int32: 32,
  int16: 16,
  int8: 8,
  int4: 4,
  uint64: 64,
  uint32: 32,
  uint16: 16,
  uint8: 8,
  uint4: 4,
  bool: 8,
  string: 64,
};

/**
 * Runs one graph in this process.
 *
 * @throws InvalidRunError when the request does not fit the graph
 * @throws TensorNotKeptError when a kept feed is gone
 * @throws Error from ONNX Runtime when the run itself fails
 */
export async function runGraph(
  graph: LoadedGraph,
  request: Omit<RunRequest, 'bundle' | 'graph'>,
  kept: KeptTensors<SizedTensor>,
): Promise<RunResult> {
  const keep = Object.entries(request.keep ?? {});
  const fetch =
    request.fetch ?? Object.keys(graph.contract.outputs).filter((name) => !keep.some(([output]) => output === name));
  const wanted = [...new Set([...fetch, ...keep.map(([output]) => output)])];
  checkOutputs(graph, wanted, fetch);
  const feeds = collectFeeds(graph, request.feeds, kept);

  const start = performance.now();
  const values = new Map(Object.entries(await graph.session.run(feeds, wanted)));
  const runMs = performance.now() - start;

  const output = (name: string): Tensor => {
    const value = values.get(name);
    if (value === undefined) throw new Error(`${graph.label} did not give its output "${name}"`);
    return value;
  };
  const tensorsToKeep = new Map(keep.map(([name, key]) => [key, sized(output(name))]));
  try {
    kept.keep(tensorsToKeep);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new InvalidRunError(`${graph.label}: ${cause.message}; raise keepBytes`, { cause });
  }
  return { outputs: Object.fromEntries(fetch.map((name) => [name, toHost(output(name))])), runMs };
}

function checkOutputs(graph: LoadedGraph, wanted: readonly string[], fetch: readonly string[]): void {
  const { outputs } = graph.contract;
  const names = Object.keys(outputs).join(', ');
  if (wanted.length === 0) throw new InvalidRunError(`${graph.label}: no output is asked for; it has ${names}`);
  for (const name of wanted) {
    const declared = Object.hasOwn(outputs, name) ? outputs[name] : undefined;
    if (declared === undefined) throw new InvalidRunError(`${graph.label} has no output "${name}"; it has ${names}`);
    if (fetch.includes(name) && !Object.hasOwn(arrayTypes, declared.dtype)) {
      throw new InvalidRunError(`${graph.label}: output "${name}" is ${declared.dtype} and can only be kept`);
    }
  }
}

function collectFeeds(
  graph: LoadedGraph,
  feeds: RunRequest['feeds'],
  kept: KeptTensors<SizedTensor>,
): Record<string, Tensor> {
  const { inputs } = graph.contract;
  const unknown = Object.keys(feeds).find((name) => !Object.hasOwn(inputs, name));
  if (unknown !== undefined) {
    const names = Object.keys(inputs).join(', ');
    throw new InvalidRunError(`${graph.label} has no input "${unknown}"; it has ${names}`);
  }
  const sizes = new Map<string, number>();
  const tensors: [string, Tensor][] = [];
  for (const [name, declared] of Object.entries(inputs)) {
    const feed = Object.hasOwn(feeds, name) ? feeds[name] : undefined;
    if (feed === undefined) throw new InvalidRunError(`${graph.label}: input "${name}" is missing`);
    const label = `${graph.label}: input "${name}"`;
    const tensor = 'kept' in feed ? keptTensor(label, feed, kept) : fromHost(label, feed);
    assertFits(label, declared, tensor, sizes);
    tensors.push([name, tensor]);
  }
  return Object.fromEntries(tensors);
}

function keptTensor(label: string, feed: KeptTensor, kept: KeptTensors<SizedTensor>): Tensor {
  const found = kept.get(feed.kept);
  if (found === undefined) throw new TensorNotKeptError(`${label}: "${feed.kept}" is not kept any more`);
  return found.tensor;
}

function fromHost(label: string, { type, dims, data }: HostTensor): Tensor {
  const expected = Object.hasOwn(arrayTypes, type) ? arrayTypes[type] : undefined;
  if (expected === undefined) throw new InvalidRunError(`${label} has the unknown type ${type}`);
  if (!(data instanceof expected)) {
    throw new InvalidRunError(`${label} is ${type} and needs a ${expected.name}, got ${data.constructor.name}`);
  }
  if (!dims.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) {
    throw new InvalidRunError(`${label} has the dimensions ${showDims(dims)}, which are no sizes`);
  }
  const length = dims.reduce((product, dim) => product * dim, 1);
  if (data.length !== length) {
    throw new InvalidRunError(`${label} of dimensions ${showDims(dims)} needs ${length} values, got ${data.length}`);
  }
  return new Tensor(type, data, dims);
}

/** Measures without touching the data, which may lie on a device. */
function sized(tensor: Tensor): SizedTensor {
  const byteLength = Math.ceil((tensor.size * elementBits[tensor.type]) / 8);
  return {
    tensor,
    byteLength,
    dispose: () => {
      tensor.dispose();
    },
  };
}

function toHost({ type, dims, data }: Tensor): HostTensor {
  if (type === 'float32' && data instanceof Float32Array) return { type, dims, data };
  if (type === 'float16' && data instanceof Uint16Array) return { type, dims, data };
  if (type === 'int64' && data instanceof BigInt64Array) return { type, dims, data };
  if ((type === 'uint8' || type === 'bool') && data instanceof Uint8Array) return { type, dims, data };
  throw new Error(`an output of type ${type} cannot be brought to the host`);
}
