import assert from 'node:assert/strict';
import { it } from 'node:test';
import { wholeImage } from './image-views.js';
import { proposalReader } from './proposals.js';

it('reads the highest score of every proposal', () => {
  const floats = (dims: number[], ...values: number[]) =>
    ({ type: 'float32', dims, data: Float32Array.from(values) }) as const;
  const outputs = {
    region_boxes: floats([1, 2, 4], 0.5, 0, 1, 0.5, 0, 0, 0.5, 1),
    region_class_scores: floats([1, 2, 3], 0, 0.75, 0.0625, 0.5, 0.25, 0.125),
    boxes: floats([1, 0, 4]),
    scores: floats([1, 0]),
    classes: { type: 'int64', dims: [1, 0], data: new BigInt64Array() },
  } as const;
  const proposals = proposalReader.read([{ outputs, place: wholeImage }]);
  assert.deepEqual(
    [proposals.boxTensor.dims, proposals.scoreTensor.dims],
    [
      [2, 4],
      [2, 3],
    ],
  );
  assert.deepEqual(proposals.boxes, [
    [0.5, 0, 1, 0.5],
    [0, 0, 0.5, 1],
  ]);
  assert.deepEqual([...proposals.objectness], [0.75, 0.5]);
  assert.deepEqual(proposals.detections, []);
});

it('merges the proposals of several views, as many as of one', () => {
  const floats = (dims: number[], ...values: number[]) =>
    ({ type: 'float32', dims, data: Float32Array.from(values) }) as const;
  const outputs = (boxes: number[], scores: number[]) => ({
    region_boxes: floats([1, 2, 4], ...boxes),
    region_class_scores: floats([1, 2, 2], ...scores),
    boxes: floats([1, 0, 4]),
    scores: floats([1, 0]),
    classes: { type: 'int64', dims: [1, 0], data: new BigInt64Array() } as const,
  });
  const padded = { box: [0, 0, 1, 4], isCut: [false, false, false, false], scoreWeight: 1 } as const;
  const tile = { box: [0, 0, 0.5, 1], isCut: [false, false, true, false], scoreWeight: 0.5 } as const;
  const { boxes, boxTensor, scoreTensor } = proposalReader.read([
    { outputs: outputs([0, 0, 0.25, 0.25, 0.5, 0, 1, 0.125], [0.5, 0.25, 0, 0.375]), place: padded },
    { outputs: outputs([0, 0, 0.5, 1, 0.5, 0, 1, 1], [0.5, 1.5, 0.875, 0]), place: tile },
  ]);
  assert.deepEqual(boxes, [
    [0, 0, 0.25, 1],
    [0.5, 0, 1, 0.5],
  ]);
  assert.deepEqual([...boxTensor.data], boxes.flat());
  assert.deepEqual(
    [scoreTensor.dims, [...scoreTensor.data]],
    [
      [2, 2],
      [0.25, 0.75, 0, 0.375],
    ],
  );

  const one = proposalReader.read([
    { outputs: outputs([0, 0, 0.25, 0.25, 0, 0, 0.25, 0.25], [0.5, 0.25, 0, 0]), place: padded },
    { outputs: outputs([0, 0, 0.5, 1, 0.5, 0, 1, 1], [0.5, 1.5, 0.875, 0]), place: tile },
  ]);
  assert.deepEqual(one.boxes, [
    [0, 0, 0.25, 1],
    [0, 0, 0, 0],
  ]);
});
