import { join } from 'node:path';
import { median, repositoryRoot } from '@tessera/evaluation';
import type { SeededRandom } from '@tessera/runtime';
import { InferenceSession, Tensor } from 'onnxruntime-node';

export type Feeds = Readonly<Record<string, Tensor>>;

/** Side of the matrices whose product shows what the machine can do. */
export const productSize = 2048;

/** The product of two square float32 matrices as a graph, with made-up feeds. */
export async function matrixProduct(
  random: SeededRandom,
  options: InferenceSession.SessionOptions,
): Promise<{ session: InferenceSession; feeds: Feeds }> {
  const session = await InferenceSession.create(join(repositoryRoot, 'bench/graphs/matrix-product.onnx'), options);
  const square = (): Tensor => floats(random, productSize, productSize);
  return { session, feeds: { left: square(), right: square() } };
}

/** GFLOP/s of the matrix product, by the milliseconds of its runs. */
export function productSpeed(times: readonly number[]): number {
  return (2 * productSize ** 3) / median(times) / 1e6;
}

/** Milliseconds of one run. */
export async function time(session: InferenceSession, feeds: Feeds): Promise<number> {
  const startedAt = performance.now();
  await session.run(feeds);
  return performance.now() - startedAt;
}

/** Values in [0, 1). */
export function floats(random: SeededRandom, ...dims: number[]): Tensor {
  const count = dims.reduce((product, dim) => product * dim, 1);
  return new Tensor(
    'float32',
    Float32Array.from({ length: count }, () => random.next()),
    dims,
  );
}

export function integers(dims: number[], values: readonly number[]): Tensor {
  return new Tensor('int64', BigInt64Array.from(values, BigInt), dims);
}
