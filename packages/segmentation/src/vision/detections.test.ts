import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bestScores, readDetections, type Detection } from './detections.js';

const at = (x: number, score: number, classIndex = 0): Detection => ({ box: [x, 0, x + 0.4, 1], classIndex, score });

describe('readDetections', () => {
  it('leaves out boxes without area or score', () => {
    const boxes = new Float32Array([0, 0, 0.5, 0.5, 0.5, 0.5, 0.5, 1, 0, 0, 1, 1]);
    const detections = readDetections(boxes, new Float32Array([0.75, 0.5, 0]), [3, 4, 5]);
    assert.deepEqual(detections, [{ box: [0, 0, 0.5, 0.5], classIndex: 3, score: 0.75 }]);
  });
});

describe('bestScores', () => {
  it('is the maximum of each class', () => {
    const scores = bestScores([at(0, 0.2, 1), at(0.5, 0.6, 1), at(0, 0.1, 2)], 4);
    assert.deepEqual([...scores], [0, 0.6, 0.1, 0]);
  });
});
