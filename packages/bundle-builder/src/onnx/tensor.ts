import { fromHalfFloats, toHalfFloats } from '@tessera/composition';
import type { ElementType, Tensor } from './model.js';

function tensor(type: ElementType, dims: readonly number[], values: ArrayBufferView & { length: number }): Tensor {
  const count = dims.reduce((product, dim) => product * dim, 1);
  if (values.length !== count) {
    throw new RangeError(`a ${type} tensor [${dims.join(', ')}] has ${count} elements, got ${values.length}`);
  }
  return { type, dims, data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}

/** Throws `RangeError` when the number of values does not fit `dims`; so do its siblings. */
export function float32Tensor(dims: readonly number[], values: ArrayLike<number>): Tensor {
  return tensor('float32', dims, Float32Array.from(values));
}

/** Rounds every value to the nearest float16. */
export function float16Tensor(dims: readonly number[], values: ArrayLike<number>): Tensor {
  return tensor('float16', dims, toHalfFloats(Float32Array.from(values)));
}

export function int8Tensor(dims: readonly number[], values: Int8Array): Tensor {
  return tensor('int8', dims, values);
}

export function int64Tensor(dims: readonly number[], values: readonly (number | bigint)[]): Tensor {
  return tensor('int64', dims, BigInt64Array.from(values, BigInt));
}

/** The elements of a float32 or float16 tensor as float32. Throws `TypeError` for other element types. */
export function toFloat32Array({ type, data }: Tensor): Float32Array<ArrayBuffer> {
  const aligned = new Uint8Array(data);
  if (type === 'float32') return new Float32Array(aligned.buffer);
  if (type === 'float16') return fromHalfFloats(new Uint16Array(aligned.buffer));
  throw new TypeError(`a ${type} tensor is not a floating-point one`);
}

/** The elements of an int64 tensor. Throws `TypeError` for other element types. */
export function toIntegers({ type, data }: Tensor): number[] {
  if (type !== 'int64') throw new TypeError(`a ${type} tensor is not an int64 one`);
  return Array.from(new BigInt64Array(new Uint8Array(data).buffer), Number);
}
