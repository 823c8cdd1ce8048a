/** Rows of `width` scaled to unit length, in place; a row of zeros stays. */
export function normalizeRows(matrix: Float32Array, width: number): Float32Array {
  for (let start = 0; start < matrix.length; start += width) {
    const row = matrix.subarray(start, start + width);
    const length = Math.hypot(...row);
    if (length > 0) for (const [index, value] of row.entries()) row[index] = value / length;
  }
  return matrix;
}
