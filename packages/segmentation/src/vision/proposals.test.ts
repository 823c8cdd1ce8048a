import assert from 'node:assert/strict';
import { it } from 'node:test';
import { proposalReader } from './proposals.js';

it('reads the highest score of every proposal and of every class', () => {
  const floats = (dims: number[], ...values: number[]) =>
    ({ type: 'float32', dims, data: Float32Array.from(values) }) as const;
  const proposals = proposalReader.read({
    region_boxes: floats([1, 2, 4], 0, 0, 0.5, 1, 0.5, 0, 1, 0.5),
    region_class_scores: floats([1, 2, 3], 0.5, 0.25, 0.125, 0, 0.75, 0.0625),
    boxes: floats([1, 0, 4]),
    scores: floats([1, 0]),
    classes: { type: 'int64', dims: [1, 0], data: new BigInt64Array() },
  });
  assert.deepEqual(
    [proposals.boxTensor.dims, proposals.scoreTensor.dims],
    [
      [2, 4],
      [2, 3],
    ],
  );
  assert.deepEqual(proposals.boxes, [
    [0, 0, 0.5, 1],
    [0.5, 0, 1, 0.5],
  ]);
  assert.deepEqual([...proposals.objectness], [0.5, 0.75]);
  assert.deepEqual([...proposals.classScores], [0.5, 0.75, 0.125]);
  assert.deepEqual(proposals.detections, []);
});
