/** `products[r]` = row r of `matrix` · `vector`. Four independent sums keep the processor from waiting for each addition. */
export function multiplyRows(matrix: Float32Array, vector: Float32Array, products: Float32Array): void {
  const width = vector.length;
  const unrolled = width - (width % 4);
  for (let row = 0, offset = 0; row < products.length; row++, offset += width) {
    let [first, second, third, fourth] = [0, 0, 0, 0];
    for (let column = 0; column < unrolled; column += 4) {
      const position = offset + column;
      first += (matrix[position] ?? 0) * (vector[column] ?? 0);
      second += (matrix[position + 1] ?? 0) * (vector[column + 1] ?? 0);
      third += (matrix[position + 2] ?? 0) * (vector[column + 2] ?? 0);
      fourth += (matrix[position + 3] ?? 0) * (vector[column + 3] ?? 0);
    }
    let sum = first + second + (third + fourth);
    for (let column = unrolled; column < width; column++) sum += (matrix[offset + column] ?? 0) * (vector[column] ?? 0);
    products[row] = sum;
  }
}

/** Euclidean length. */
export function vectorLength(vector: Float32Array): number {
  let sum = 0;
  for (const value of vector) sum += value * value;
  return Math.sqrt(sum);
}
