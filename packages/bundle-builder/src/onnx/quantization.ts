import { float32Tensor, int8Tensor } from './tensor.js';
import type { Tensor } from './model.js';

/**
 * Seven bits of the eight. Where the processor has no int8 dot product, ONNX Runtime adds pairs of products of an
 * activation (up to 255) and a weight in 16 bits, and 2 · 255 · 64 is the most that fits.
 */
const largest = 63;

/** A matrix `[in, out]` as integers; column c times `scales[c]` is what it was. */
export interface QuantizedMatrix {
  /** int8 [in, out] */
  readonly integers: Tensor;
  /** float32 [out] */
  readonly scales: Tensor;
}

/** Rounds a matrix `[in, out]` to integers of 7 bits, each column with a scale of its own. */
export function quantizeColumns([inputs = 0, outputs = 0]: readonly number[], values: Float32Array): QuantizedMatrix {
  const scales = new Float32Array(outputs);
  for (const [index, value] of values.entries()) {
    const column = index % outputs;
    scales[column] = Math.max(scales[column] ?? 0, Math.abs(value) / largest);
  }
  const integers = Int8Array.from(values, (value, index) => {
    const scale = scales[index % outputs] ?? 0;
    return scale === 0 ? 0 : Math.round(value / scale);
  });
  return { integers: int8Tensor([inputs, outputs], integers), scales: float32Tensor([outputs], scales) };
}
