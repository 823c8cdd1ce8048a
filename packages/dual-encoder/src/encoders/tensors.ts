import type { HostTensor } from '@tessera/inference';

/**
 * A float32 output of a run.
 *
 * @throws Error when the run did not give it or it has another type: the bundle does not fit the pipeline
 */
export function float32Output(outputs: Readonly<Record<string, HostTensor>>, name: string): Float32Array {
  const data = outputs[name]?.data;
  if (data instanceof Float32Array) return data;
  throw new Error(`The graph did not give the float32 output "${name}".`);
}

/** Rows of `width` scaled to unit length, in place; a row of zeros stays. */
export function normalizeRows(matrix: Float32Array, width: number): Float32Array {
  for (let start = 0; start < matrix.length; start += width) {
    const row = matrix.subarray(start, start + width);
    const length = Math.hypot(...row);
    if (length > 0) for (const [index, value] of row.entries()) row[index] = value / length;
  }
  return matrix;
}

/** Rows of one width, one after the other. */
export function concatenate(rows: readonly Float32Array[]): Float32Array {
  const matrix = new Float32Array(rows.reduce((sum, row) => sum + row.length, 0));
  let offset = 0;
  for (const row of rows) {
    matrix.set(row, offset);
    offset += row.length;
  }
  return matrix;
}
