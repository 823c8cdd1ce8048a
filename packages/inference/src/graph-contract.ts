import type { GraphContract, TensorContract } from '@tessera/contracts';
import type { InferenceSession } from 'onnxruntime-node';
import { InvalidRunError, type HostTensor, type RunRequest } from './inference-runner.js';
import { elementCount } from './tensors.js';

type Metadata = InferenceSession.ValueMetadata;

/** What a session says of its graph. */
export type SessionMetadata = Pick<InferenceSession, 'inputMetadata' | 'outputMetadata'>;

/** What a provider runs: the graph, or the one that takes its place there. */
export function graphOn<Graph extends object>(
  executionProvider: string,
  graph: Graph & { readonly cuda?: Graph },
): Graph {
  return executionProvider === 'cuda' ? (graph.cuda ?? graph) : graph;
}

/**
 * Compares a graph with its contract: names, types, and shapes with their named dimensions.
 *
 * @param label - bundle and graph, for messages
 * @throws Error that names the first tensor that differs
 */
export function assertContract(label: string, contract: GraphContract, session: SessionMetadata): void {
  assertTensors(label, 'input', contract.inputs, session.inputMetadata);
  assertTensors(label, 'output', contract.outputs, session.outputMetadata);
}

function assertTensors(
  label: string,
  kind: 'input' | 'output',
  declared: GraphContract['inputs'],
  found: readonly Metadata[],
): void {
  const names = found.map(({ name }) => name);
  if (names.toSorted().join('\n') !== Object.keys(declared).toSorted().join('\n')) {
    const promised = Object.keys(declared).join(', ');
    throw new Error(`${label} has the ${kind}s ${names.join(', ')}, but its manifest declares ${promised}`);
  }
  for (const metadata of found) {
    const tensor = declared[metadata.name];
    if (tensor === undefined || isSame(tensor, metadata)) continue;
    const actual = metadata.isTensor ? `${metadata.type} ${showDims(metadata.shape)}` : 'no tensor';
    const promised = `${tensor.dtype} ${showDims(tensor.shape)}`;
    throw new Error(`${label} has the ${kind} "${metadata.name}" ${actual}, but its manifest declares ${promised}`);
  }
}

/** Dimensions that the graph leaves unnamed may have any name in the contract. */
function isSame({ dtype, shape }: TensorContract, metadata: Metadata): boolean {
  if (!metadata.isTensor || metadata.type !== dtype || metadata.shape.length !== shape.length) return false;
  return shape.every((dim, axis) => {
    const actual = metadata.shape[axis];
    return dim === actual || (actual === '' && typeof dim === 'string');
  });
}

/** The arrays in which tensors travel. */
export const arrayTypes = {
  float32: Float32Array,
  float16: Uint16Array,
  uint8: Uint8Array,
  int64: BigInt64Array,
  bool: Uint8Array,
} as const;

/**
 * Compares the feeds of a run with what its graph takes; kept ones with their names alone.
 *
 * @param label - bundle and graph, for messages
 * @returns the sizes that the feeds give to named dimensions
 * @throws InvalidRunError
 */
export function assertFeeds(label: string, { inputs }: GraphContract, feeds: RunRequest['feeds']): Map<string, number> {
  const unknown = Object.keys(feeds).find((name) => !Object.hasOwn(inputs, name));
  if (unknown !== undefined) {
    const names = Object.keys(inputs).join(', ');
    throw new InvalidRunError(`${label} has no input "${unknown}"; it has ${names}`);
  }
  const sizes = new Map<string, number>();
  for (const [name, tensor] of Object.entries(inputs)) {
    const feed = Object.hasOwn(feeds, name) ? feeds[name] : undefined;
    if (feed === undefined) throw new InvalidRunError(`${label}: input "${name}" is missing`);
    if ('kept' in feed) continue;
    const input = `${label}: input "${name}"`;
    assertTensor(input, feed);
    assertFits(input, tensor, feed, sizes);
  }
  return sizes;
}

/**
 * Checks that a tensor has one value for each place of its shape, in the array of its type.
 *
 * @throws InvalidRunError
 */
export function assertTensor(label: string, { type, dims, data }: HostTensor): void {
  const expected = Object.hasOwn(arrayTypes, type) ? arrayTypes[type] : undefined;
  if (expected === undefined) throw new InvalidRunError(`${label} has the unknown type ${type}`);
  if (!(data instanceof expected)) {
    throw new InvalidRunError(`${label} is ${type} and needs a ${expected.name}, got ${data.constructor.name}`);
  }
  if (!dims.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) {
    throw new InvalidRunError(`${label} has the dimensions ${showDims(dims)}, which are no sizes`);
  }
  const length = elementCount(dims);
  if (data.length !== length) {
    throw new InvalidRunError(`${label} of dimensions ${showDims(dims)} needs ${length} values, got ${data.length}`);
  }
}

/** Whether a tensor can be an output of a graph, or an input: its type, its shape, and as many values as that has. */
export function isTensorOf(contract: TensorContract, tensor: HostTensor): boolean {
  try {
    assertTensor('the tensor', tensor);
    assertFits('the tensor', contract, tensor, new Map());
    return true;
  } catch (error) {
    if (error instanceof InvalidRunError) return false;
    throw error;
  }
}

/**
 * Compares a tensor with what an input takes.
 *
 * @param label - bundle, graph and input, for messages
 * @param sizes - sizes of the named dimensions that other inputs of the run have; those of this one are added
 * @throws InvalidRunError when its type, its shape or the size of a named dimension differs
 */
export function assertFits(
  label: string,
  { dtype, shape }: TensorContract,
  tensor: { readonly type: string; readonly dims: readonly number[] },
  sizes: Map<string, number>,
): void {
  if (tensor.type !== dtype) throw new InvalidRunError(`${label} takes ${dtype}, got ${tensor.type}`);
  const fits =
    tensor.dims.length === shape.length &&
    shape.every((dim, axis) => typeof dim === 'string' || dim === tensor.dims[axis]);
  if (!fits) throw new InvalidRunError(`${label} takes dimensions ${showDims(shape)}, got ${showDims(tensor.dims)}`);
  for (const [axis, dim] of shape.entries()) {
    if (typeof dim === 'number') continue;
    const size = tensor.dims[axis] ?? 0;
    const other = sizes.get(dim) ?? size;
    if (other !== size) throw new InvalidRunError(`${label} has ${size} ${dim}, another input has ${other}`);
    sizes.set(dim, size);
  }
}

function showDims(dims: readonly (number | string)[]): string {
  return `[${dims.map((dim) => (dim === '' ? '?' : dim)).join(', ')}]`;
}
