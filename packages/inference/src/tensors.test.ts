import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostTensor } from './index.js';
import {
  concatenate,
  finiteOutput,
  float32Output,
  imageTensor,
  int64Output,
  outputTensor,
  rowRange,
  rowsOf,
  sizeTensor,
} from './tensors.js';

const outputs: Record<string, HostTensor> = {
  scores: { type: 'float32', dims: [2], data: Float32Array.of(0.5, 2) },
  classes: { type: 'int64', dims: [2], data: BigInt64Array.of(7n, -1n) },
};

test('outputs are read by name and type', () => {
  assert.equal(outputTensor(outputs, 'classes'), outputs.classes);
  assert.deepEqual(float32Output(outputs, 'scores'), Float32Array.of(0.5, 2));
  assert.deepEqual(int64Output(outputs, 'classes'), [7, -1]);
});

test('an output that is missing or of another type names itself', () => {
  assert.throws(() => outputTensor(outputs, 'toString'), /output "toString"/);
  assert.throws(() => float32Output(outputs, 'classes'), /float32 output "classes"/);
  assert.throws(() => int64Output(outputs, 'scores'), /int64 output "scores"/);
});

test('values that are not finite are a failure of the model', () => {
  assert.deepEqual(finiteOutput(outputs, 'scores'), Float32Array.of(0.5, 2));
  for (const value of [NaN, Infinity, -Infinity]) {
    const broken: Record<string, HostTensor> = { iou: { type: 'float32', dims: [2], data: Float32Array.of(1, value) } };
    assert.throws(() => finiteOutput(broken, 'iou'), {
      code: 'TSR_INFERENCE_FAILED',
      message: 'The model gave values of "iou" that are not finite.',
    });
  }
});

test('a matrix falls into its rows and is put together again', () => {
  const matrix = Float32Array.of(1, 2, 3, 4, 5, 6);
  const rows = rowsOf(matrix, 2);
  assert.deepEqual(rows, [Float32Array.of(1, 2, 3), Float32Array.of(4, 5, 6)]);
  assert.deepEqual(concatenate(rows), matrix);
  assert.deepEqual(concatenate([]), new Float32Array());
});

test('an image is a batch of one', () => {
  const data = new Uint8Array(2 * 3 * 3);
  assert.deepEqual(imageTensor({ width: 2, height: 3, data }), { type: 'uint8', dims: [1, 3, 2, 3], data });
  assert.deepEqual(sizeTensor({ width: 2, height: 3 }), {
    type: 'int64',
    dims: [1, 2],
    data: BigInt64Array.of(3n, 2n),
  });
});

test('rows of a tensor are a tensor', () => {
  assert.deepEqual(rowRange([5, 2, 3], 1, 2), { dims: [2, 2, 3], start: 6, end: 18 });
  assert.deepEqual(rowRange([4], 3, 1), { dims: [1], start: 3, end: 4 });
});
