import type { HostTensor } from '@tessera/inference';

/**
 * An output of a run.
 *
 * @throws Error when the run did not give it: the bundle does not fit the pipeline
 */
export function outputTensor(outputs: Readonly<Record<string, HostTensor>>, name: string): HostTensor {
  const tensor = outputs[name];
  if (tensor !== undefined) return tensor;
  throw new Error(`The graph did not give the output "${name}".`);
}

/**
 * The values of a float32 output of a run.
 *
 * @throws Error when the run did not give it or it has another type: the bundle does not fit the pipeline
 */
export function float32Output(outputs: Readonly<Record<string, HostTensor>>, name: string): Float32Array {
  const { data } = outputTensor(outputs, name);
  if (data instanceof Float32Array) return data;
  throw new Error(`The graph did not give the float32 output "${name}".`);
}

/** As {@link float32Output}, for indices. */
export function int64Output(outputs: Readonly<Record<string, HostTensor>>, name: string): number[] {
  const { data } = outputTensor(outputs, name);
  if (data instanceof BigInt64Array) return Array.from(data, Number);
  throw new Error(`The graph did not give the int64 output "${name}".`);
}

/** Pixels `[H, W, 3]` as the batch of one that a graph takes. */
export function imageTensor(image: {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}): HostTensor {
  return { type: 'uint8', dims: [1, image.height, image.width, 3], data: image.data };
}
