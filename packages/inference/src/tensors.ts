import { TesseraError } from '@tessera/contracts';
import type { HostTensor } from './inference-runner.js';

type Outputs = Readonly<Record<string, HostTensor>>;

/**
 * An output of a run.
 *
 * @throws Error when the run did not give it: the bundle does not fit the pipeline
 */
export function outputTensor(outputs: Outputs, name: string): HostTensor {
  const tensor = Object.hasOwn(outputs, name) ? outputs[name] : undefined;
  if (tensor !== undefined) return tensor;
  throw new Error(`The graph did not give the output "${name}".`);
}

/**
 * The values of a float32 output of a run.
 *
 * @throws Error when the run did not give it or it has another type: the bundle does not fit the pipeline
 */
export function float32Output(outputs: Outputs, name: string): Float32Array {
  const { data } = outputTensor(outputs, name);
  if (data instanceof Float32Array) return data;
  throw new Error(`The graph did not give the float32 output "${name}".`);
}

/**
 * As {@link float32Output}, for values that an answer is made of.
 *
 * @throws TesseraError `TSR_INFERENCE_FAILED` when one of them is not finite
 */
export function finiteOutput(outputs: Outputs, name: string): Float32Array {
  const values = float32Output(outputs, name);
  if (values.every(Number.isFinite)) return values;
  throw new TesseraError('TSR_INFERENCE_FAILED', `The model gave values of "${name}" that are not finite.`);
}

/** As {@link float32Output}, for indices. */
export function int64Output(outputs: Outputs, name: string): number[] {
  const { data } = outputTensor(outputs, name);
  if (data instanceof BigInt64Array) return Array.from(data, Number);
  throw new Error(`The graph did not give the int64 output "${name}".`);
}

/** The rows of a matrix, as views. */
export function rowsOf(matrix: Float32Array, rows: number): Float32Array[] {
  const width = matrix.length / rows;
  return Array.from({ length: rows }, (_, row) => matrix.subarray(row * width, (row + 1) * width));
}

/** Rows, one after the other: a matrix where they have one width. */
export function concatenate(rows: readonly Float32Array[]): Float32Array {
  const matrix = new Float32Array(rows.reduce((sum, row) => sum + row.length, 0));
  let offset = 0;
  for (const row of rows) {
    matrix.set(row, offset);
    offset += row.length;
  }
  return matrix;
}

/** Pixels `[H, W, 3]` as the batch of one that a graph takes. */
export function imageTensor(image: {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}): HostTensor {
  return { type: 'uint8', dims: [1, image.height, image.width, 3], data: image.data };
}

/** The size that an image has before a batch pads it, `[height, width]`, as the batch of one that a graph takes. */
export function sizeTensor({ width, height }: { readonly width: number; readonly height: number }): HostTensor {
  return { type: 'int64', dims: [1, 2], data: BigInt64Array.of(BigInt(height), BigInt(width)) };
}

/** How many elements a tensor of these dimensions has. */
export function elementCount(dims: readonly number[]): number {
  return dims.reduce((count, dim) => count * dim, 1);
}

/** Some rows of a tensor as a tensor of their own: its dimensions, and where its elements lie in those of the whole. */
export function rowRange(
  [, ...inner]: readonly number[],
  from: number,
  rows: number,
): { dims: number[]; start: number; end: number } {
  const size = elementCount(inner);
  return { dims: [rows, ...inner], start: from * size, end: (from + rows) * size };
}
