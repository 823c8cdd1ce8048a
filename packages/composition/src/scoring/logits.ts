import { decodeHalfFloats } from './half-float.js';
import { multiplyRows, vectorLength } from './linear-algebra.js';

/** Text embeddings of candidates, one L2-normalised row each. */
export interface TextMatrix {
  /** Number of rows C. */
  readonly rows: number;
  /** Length D of a row. */
  readonly width: number;
  /** `[C, D]`; a Uint16Array holds the bits of half-precision floats. */
  readonly values: Float32Array | Uint16Array;
}

/**
 * One row `[D]` of a text matrix.
 *
 * @throws RangeError when there is no such row
 */
export function embeddingAt({ rows, width, values }: TextMatrix, row: number): Float32Array {
  if (!(row >= 0 && row < rows)) throw new RangeError(`There is no row ${row} among ${rows}.`);
  if (values instanceof Float32Array) return values.subarray(row * width, (row + 1) * width);
  const embedding = new Float32Array(width);
  decodeHalfFloats(values, row * width, embedding);
  return embedding;
}

/** A block of rows this big stays in a core's first cache while every image is compared with it. */
const blockBytes = 16 * 1024;

/**
 * Logits = `logitScale` · cosine similarity of each image with each candidate.
 *
 * @param images - `[B, D]`, of any length each
 * @returns `[B, C]`
 * @throws RangeError when shapes do not match or an image embedding is not finite
 */
export function computeLogits(images: Float32Array, text: TextMatrix, logitScale: number): Float32Array {
  const { rows, width, values } = text;
  if (values.length !== rows * width)
    throw new RangeError(`A text matrix [${rows}, ${width}] has ${values.length} values.`);
  const scaledImages = unitRows(images, width, logitScale);
  const logits = new Float32Array(scaledImages.length * rows);
  const blockRows = Math.max(1, Math.floor(blockBytes / (Float32Array.BYTES_PER_ELEMENT * width)));
  const decoded = values instanceof Uint16Array ? new Float32Array(blockRows * width) : undefined;
  for (let start = 0; start < rows; start += blockRows) {
    const end = Math.min(rows, start + blockRows);
    const block = blockOf(values, start * width, end * width, decoded);
    for (const [index, image] of scaledImages.entries()) {
      multiplyRows(block, image, logits.subarray(index * rows + start, index * rows + end));
    }
  }
  return logits;
}

function blockOf(
  values: Float32Array | Uint16Array,
  start: number,
  end: number,
  decoded: Float32Array | undefined,
): Float32Array {
  if (values instanceof Float32Array) return values.subarray(start, end);
  const block = (decoded ?? new Float32Array(end - start)).subarray(0, end - start);
  decodeHalfFloats(values, start, block);
  return block;
}

/** Rows of length `scale`; a row of zeros stays. */
function unitRows(matrix: Float32Array, width: number, scale: number): Float32Array[] {
  const count = matrix.length / width;
  if (!Number.isInteger(count)) throw new RangeError(`${matrix.length} values are no rows of ${width}.`);
  return Array.from({ length: count }, (_, index) => {
    const row = matrix.slice(index * width, (index + 1) * width);
    const length = vectorLength(row);
    if (!Number.isFinite(length)) throw new RangeError(`Image embedding ${index} is not finite.`);
    return length === 0 ? row : row.map((value) => (value / length) * scale);
  });
}
