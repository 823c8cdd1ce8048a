import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Box } from './box.js';
import { detectionReader, readDetections } from './detections.js';
import type { DetectedView } from './detector.js';
import type { ViewPlace } from './image-views.js';

describe('readDetections', () => {
  it('leaves out boxes without area or score', () => {
    const boxes = new Float32Array([0, 0, 0.5, 0.5, 0.5, 0.5, 0.5, 1, 0, 0, 1, 1]);
    const detections = readDetections(boxes, new Float32Array([0.75, 0.5, 0]), [3, 4, 5]);
    assert.deepEqual(detections, [{ box: [0, 0, 0.5, 0.5], classIndex: 3, score: 0.75 }]);
  });
});

describe('detectionReader', () => {
  const view = (box: Box, isCut: ViewPlace['isCut'], ...found: (readonly [Box, number, number])[]): DetectedView => ({
    place: { box, isCut, scoreWeight: isCut.includes(true) ? 0.5 : 1 },
    outputs: {
      boxes: { type: 'float32', dims: [1, found.length, 4], data: Float32Array.from(found.flatMap(([own]) => own)) },
      scores: { type: 'float32', dims: [1, found.length], data: Float32Array.from(found.map(([, , score]) => score)) },
      classes: {
        type: 'int64',
        dims: [1, found.length],
        data: BigInt64Array.from(found.map(([, classIndex]) => BigInt(classIndex))),
      },
    },
  });

  it('merges the objects of one class over the views of an image', () => {
    const detections = detectionReader.read([
      view([0, 0, 1, 4], [false, false, false, false], [[0, 0, 0.25, 0.25], 3, 0.5], [[0.5, 0.5, 1, 1], 3, 0.75]),
      view(
        [0, 0, 0.5, 1],
        [false, false, true, false],
        [[0, 0, 0.5, 1], 3, 0.75],
        [[0, 0, 0.5, 1], 4, 0.5],
        [[0.75, 0, 1, 1], 3, 0.875],
      ),
    ]);
    assert.deepEqual(detections, [
      { box: [0, 0, 0.25, 1], classIndex: 3, score: 0.5, rivals: [{ classIndex: 4, score: 0.25 }] },
      { box: [0, 0, 0.25, 1], classIndex: 4, score: 0.25, rivals: [{ classIndex: 3, score: 0.5 }] },
    ]);
  });

  it('reads a padded view’s boxes as shares of the image, and leaves out what lies in the padding', () => {
    const detections = detectionReader.read([
      view(
        [0, -0.5, 1, 1.5],
        [false, false, false, false],
        [[0.5, 0.25, 1, 0.75], 3, 0.5],
        [[0, 0, 0.5, 0.5], 4, 0.375],
        [[0, 0.75, 1, 1], 5, 0.25],
      ),
    ]);
    assert.deepEqual(
      detections.map(({ box, classIndex }) => [box, classIndex]),
      [
        [[0.5, 0, 1, 1], 3],
        [[0, 0, 0.5, 0.5], 4],
      ],
    );
  });

  it('lists the other classes in nearly the same box as rivals, best first, and no others', () => {
    const [cat, ...others] = detectionReader.read([
      view(
        [0, 0, 1, 1],
        [false, false, false, false],
        [[0, 0, 0.5, 0.5], 1, 0.875],
        [[0, 0, 0.4375, 0.5], 3, 0.75],
        [[0, 0, 0.5, 0.5], 1, 0.25],
        [[0, 0, 0.5, 0.4375], 2, 0.25],
        [[0, 0, 0.25, 0.5], 4, 0.125],
      ),
    ]);
    assert.deepEqual(cat?.rivals, [
      { classIndex: 3, score: 0.75 },
      { classIndex: 2, score: 0.25 },
    ]);
    assert.deepEqual(others.at(-1)?.rivals, []);
  });
});
