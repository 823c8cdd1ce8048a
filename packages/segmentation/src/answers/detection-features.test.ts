import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { detectionFeatures } from './detection-features.js';

const logit = (score: number): number => Math.log(score / (1 - score));
const [cat, dog, bear] = [0, 1, 2] as const;
const detected = {
  box: [0, 0, 0.5, 0.5],
  classIndex: dog,
  score: 0.6,
  rivals: [
    { classIndex: cat, score: 0.9 },
    { classIndex: bear, score: 0.3 },
  ],
} as const;

describe('detectionFeatures', () => {
  it('are the logits of the class and of its best rival, and the log of its share of the image', () => {
    assert.deepEqual(detectionFeatures(detected, new Set([dog])), [logit(0.6), logit(0.9), Math.log(0.25)]);
  });

  it('have no rival in a class that is asked for, too', () => {
    const [, rival] = detectionFeatures(detected, new Set([cat, dog]));
    assert.equal(rival, logit(0.3));
    const [, none] = detectionFeatures(detected, new Set([cat, dog, bear]));
    assert.equal(none, logit(0.02));
  });

  it('count specks alike', () => {
    const shareOf = (side: number) => detectionFeatures({ ...detected, box: [0, 0, side, side] }, new Set())[2];
    assert.equal(shareOf(0.001), shareOf(0.01));
  });
});
