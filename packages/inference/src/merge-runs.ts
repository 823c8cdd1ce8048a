import type { GraphContract } from '@tessera/contracts';
import type { BatchRequest, HostTensor, KeptTensor, RunResult } from './inference-runner.js';
import { elementCount, rowRange } from './tensors.js';

/** A run whose feeds were compared with the graph's contract, which has a batch dimension. */
export interface BatchableRun {
  readonly request: BatchRequest;
  readonly contract: GraphContract;
  /** Its part of the batch. */
  readonly rows: number;
}

type Feed = HostTensor | KeptTensor;

/** Whether two runs of one graph can share a batch: they differ in rows, and in sizes that are padded, alone. */
export function canShare({ request: one, contract }: BatchableRun, { request: other }: BatchableRun): boolean {
  return (
    isSameList(one.fetch, other.fetch) &&
    isSameList(Object.keys(one.keep ?? {}), Object.keys(other.keep ?? {})) &&
    Object.entries(contract.inputs).every(([name, { shape }]) => {
      const [feed, otherFeed] = [one.feeds[name], other.feeds[name]];
      if (feed === undefined || otherFeed === undefined) return false;
      if (shape[0] !== contract.batch) return isSameFeed(feed, otherFeed);
      return (
        !('kept' in feed || 'kept' in otherFeed) &&
        shape.every((dim, axis) => {
          return axis === 0 || isPadded(contract, dim) || feed.dims[axis] === otherFeed.dims[axis];
        })
      );
    })
  );
}

/** One run of the rows of all runs, in their order. They must be of one graph and able to share a batch. */
export function mergeRuns(runs: readonly [BatchableRun, ...BatchableRun[]]): BatchRequest {
  const [{ request, contract }] = runs;
  const feeds = Object.entries(request.feeds).map(([name, feed]): [string, Feed] => {
    const isShared = contract.inputs[name]?.shape[0] !== contract.batch;
    return [name, isShared ? feed : stack(runs.flatMap((run) => hostTensor(run.request.feeds[name])))];
  });
  const keepRows = Object.keys(request.keep ?? {}).map((name) => {
    return [name, runs.map(({ request: { keep }, rows }) => ({ key: keep?.[name] ?? '', rows }))] as const;
  });
  const { bundle, graph, fetch } = request;
  const about = runs.flatMap((run) => run.request.about ?? []);
  const merged = { bundle, graph, feeds: Object.fromEntries(feeds), keepRows: Object.fromEntries(keepRows) };
  return { ...merged, ...(fetch === undefined ? {} : { fetch }), ...(about.length === 0 ? {} : { about }) };
}

/**
 * What each run would have got by itself.
 *
 * @throws Error when the graph did not give as many rows as it took
 */
export function splitResult({ outputs, ...shared }: RunResult, runs: readonly BatchableRun[]): RunResult[] {
  const all = runs.reduce((sum, { rows }) => sum + rows, 0);
  for (const [name, { dims }] of Object.entries(outputs)) {
    if (dims[0] !== all) throw new Error(`Output "${name}" has ${dims[0] ?? 'no'} rows instead of ${all}.`);
  }
  let from = 0;
  return runs.map(({ rows }) => {
    const first = from;
    from += rows;
    const own = Object.entries(outputs).map(([name, { type, dims: whole, data }]): [string, HostTensor] => {
      const { dims, start, end } = rowRange(whole, first, rows);
      return [name, { type, dims, data: data.subarray(start, end) }];
    });
    return { outputs: Object.fromEntries(own), ...shared };
  });
}

/** The tensors one after the other along the first dimension; smaller ones are padded with zeros. */
function stack(tensors: readonly HostTensor[]): HostTensor {
  const [first] = tensors;
  if (first === undefined) throw new Error('There is nothing to put together.');
  const rows = tensors.reduce((sum, { dims }) => sum + (dims[0] ?? 0), 0);
  const inner = first.dims.slice(1).map((_, axis) => Math.max(...tensors.map(({ dims }) => dims[axis + 1] ?? 0)));
  const length = rows * elementCount(inner);
  const data = first.data instanceof BigInt64Array ? new BigInt64Array(length) : numbers(first.data, length);
  let from = 0;
  for (const tensor of tensors) {
    const dims = [tensor.dims[0] ?? 0, ...inner];
    copyBlock({ data: tensor.data, dims: tensor.dims }, { data, dims, from });
    from += elementCount(dims);
  }
  return { type: first.type, dims: [rows, ...inner], data };
}

function numbers(like: Exclude<HostTensor['data'], BigInt64Array>, length: number): HostTensor['data'] {
  if (like instanceof Float32Array) return new Float32Array(length);
  return like instanceof Uint16Array ? new Uint16Array(length) : new Uint8Array(length);
}

interface Block {
  readonly data: HostTensor['data'];
  readonly dims: readonly number[];
}

/** Copies a block to the beginning of one that is as large or larger in every dimension. */
function copyBlock({ data, dims }: Block, target: Block & { readonly from: number }): void {
  const [count = 1, ...inner] = dims;
  const [, ...targetInner] = target.dims;
  if (inner.every((dim, axis) => dim === targetInner[axis])) {
    // Both arrays are of one kind, which the types cannot express.
    (target.data as Uint8Array).set(data as Uint8Array, target.from);
    return;
  }
  const [size, targetSize] = [elementCount(inner), elementCount(targetInner)];
  for (let index = 0; index < count; index++) {
    const own = { data: data.subarray(index * size, (index + 1) * size), dims: inner };
    copyBlock(own, { data: target.data, dims: targetInner, from: target.from + index * targetSize });
  }
}

function hostTensor(feed: Feed | undefined): HostTensor[] {
  return feed === undefined || 'kept' in feed ? [] : [feed];
}

function isPadded({ padded = [] }: GraphContract, dim: number | string): boolean {
  return typeof dim === 'string' && padded.includes(dim);
}

function isSameFeed(one: Feed, other: Feed): boolean {
  if ('kept' in one || 'kept' in other) return 'kept' in one && 'kept' in other && one.kept === other.kept;
  return isSameList(one.dims, other.dims) && bytes(one).equals(bytes(other));
}

function bytes({ data: { buffer, byteOffset, byteLength } }: HostTensor): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function isSameList(one: readonly unknown[] | undefined, other: readonly unknown[] | undefined): boolean {
  return one?.length === other?.length && (one ?? []).every((value, index) => value === other?.[index]);
}
