import { Tensor } from 'onnxruntime-node';
import { arrayTypes, assertFeeds, assertFits, assertTensor } from './graph-contract.js';
import type { LoadedGraph } from './graph-sessions.js';
import {
  InvalidRunError,
  TensorNotKeptError,
  type BatchRequest,
  type HostTensor,
  type KeptTensor,
  type RunResult,
} from './inference-runner.js';
import type { KeptTensors } from './kept-tensors.js';
import { rowRange } from './tensors.js';

/**
 * Runs one graph in this process.
 *
 * @throws InvalidRunError when the request does not fit the graph
 * @throws TensorNotKeptError when a kept feed is gone
 * @throws Error from ONNX Runtime when the run itself fails
 */
export async function runGraph(
  graph: LoadedGraph,
  request: Omit<BatchRequest, 'bundle' | 'graph'>,
  kept: KeptTensors,
): Promise<RunResult> {
  const { keep = {}, keepRows = {} } = request;
  const keeping = [...Object.keys(keep), ...Object.keys(keepRows)];
  const fetch = request.fetch ?? Object.keys(graph.contract.outputs).filter((name) => !keeping.includes(name));
  const wanted = [...new Set([...fetch, ...keeping])];
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
  const tensorsToKeep = new Map(Object.entries(keep).map(([name, key]) => [key, output(name)]));
  for (const [name, parts] of Object.entries(keepRows)) {
    for (const [key, tensor] of await splitRows(output(name), parts)) tensorsToKeep.set(key, tensor);
  }
  keepTogether(graph.label, tensorsToKeep, kept);
  return { outputs: Object.fromEntries(fetch.map((name) => [name, toHost(output(name))])), runMs };
}

/**
 * Keeps a tensor that came from another process.
 *
 * @throws InvalidRunError when its data does not fit its type and shape, or it exceeds the memory for kept tensors
 */
export function keepTensor(key: string, tensor: HostTensor, kept: KeptTensors): void {
  const label = `the tensor "${key}"`;
  assertTensor(label, tensor);
  keepTogether(label, new Map([[key, new Tensor(tensor.type, tensor.data, tensor.dims)]]), kept);
}

/** A kept tensor in a form that travels; nothing when it is gone, on a device, or of a type that does not travel. */
export function readTensor(key: string, kept: KeptTensors): HostTensor | undefined {
  const tensor = kept.get(key);
  return tensor?.location === 'cpu' && Object.hasOwn(arrayTypes, tensor.type) ? toHost(tensor) : undefined;
}

/** @throws InvalidRunError when the tensors together exceed the memory for kept tensors */
function keepTogether(label: string, tensors: ReadonlyMap<string, Tensor>, kept: KeptTensors): void {
  try {
    kept.keep(tensors);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new InvalidRunError(`${label}: ${cause.message}; raise keepBytes`, { cause });
  }
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
  { label, contract }: LoadedGraph,
  feeds: BatchRequest['feeds'],
  kept: KeptTensors,
): Record<string, Tensor> {
  const sizes = assertFeeds(label, contract, feeds);
  const tensors = Object.entries(feeds).map(([name, feed]): [string, Tensor] => {
    if (!('kept' in feed)) return [name, new Tensor(feed.type, feed.data, feed.dims)];
    const tensor = keptTensor(`${label}: input "${name}"`, feed, kept);
    const declared = contract.inputs[name];
    if (declared !== undefined) assertFits(`${label}: input "${name}"`, declared, tensor, sizes);
    return [name, tensor];
  });
  return Object.fromEntries(tensors);
}

function keptTensor(label: string, feed: KeptTensor, kept: KeptTensors): Tensor {
  const found = kept.get(feed.kept);
  if (found === undefined) throw new TensorNotKeptError(`${label}: "${feed.kept}" is not kept any more`);
  return found;
}

/** Copies of the rows of a tensor, so that each can be dropped by itself. */
async function splitRows(
  tensor: Tensor,
  parts: readonly { readonly key: string; readonly rows: number }[],
): Promise<[key: string, Tensor][]> {
  const data = await tensor.getData();
  let from = 0;
  return parts.map(({ key, rows }) => {
    const { dims, start, end } = rowRange(tensor.dims, from, rows);
    from += rows;
    return [key, new Tensor(tensor.type, data.slice(start, end), dims)];
  });
}

function toHost({ type, dims, data }: Tensor): HostTensor {
  if (type === 'float32' && data instanceof Float32Array) return { type, dims, data };
  if (type === 'float16' && data instanceof Uint16Array) return { type, dims, data };
  if (type === 'int64' && data instanceof BigInt64Array) return { type, dims, data };
  if ((type === 'uint8' || type === 'bool') && data instanceof Uint8Array) return { type, dims, data };
  throw new Error(`an output of type ${type} cannot be brought to the host`);
}
