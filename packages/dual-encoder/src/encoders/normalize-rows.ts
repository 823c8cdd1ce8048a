/** Rows of `width` scaled to unit length, in place; a row of zeros stays. */
export function normalizeRows(matrix: Float32Array, width: number): Float32Array {
  for (let start = 0; start < matrix.length; start += width) {
    let squares = 0;
    for (let index = start; index < start + width; index++) squares += (matrix[index] ?? 0) ** 2;
    const length = Math.sqrt(squares);
    if (length === 0) continue;
    for (let index = start; index < start + width; index++) matrix[index] = (matrix[index] ?? 0) / length;
  }
  return matrix;
}
