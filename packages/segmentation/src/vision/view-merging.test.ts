import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Box } from './box.js';
import { mergeViews, placeInImage, type Seen } from './view-merging.js';

const leftHalf = { box: [0, 0, 0.5, 1], isCut: [false, false, true, false], scoreWeight: 1 } as const;
const seen = (box: Box, score: number, view: number, isCutOff = false): Seen => ({ box, score, view, isCutOff });
const always = () => true;

describe('placeInImage', () => {
  it('moves a box from a view into the image, and tells one that the view cuts off', () => {
    assert.deepEqual(placeInImage([0, 0.2, 0.5, 1], leftHalf), { box: [0, 0.2, 0.25, 1], isCutOff: false });
    assert.deepEqual(placeInImage([0.5, 0, 0.99, 1], leftHalf), { box: [0.25, 0, 0.495, 1], isCutOff: true });
    const below = { box: [0, 0.5, 1, 1], isCut: [false, true, false, false], scoreWeight: 1 } as const;
    assert.equal(placeInImage([0, 0, 1, 1], below).isCutOff, true);
    assert.equal(placeInImage([0, 0.1, 1, 1], below).isCutOff, false);
  });

  it('leaves padding out', () => {
    const padded = { box: [0, 0, 1, 4], isCut: [false, false, false, false], scoreWeight: 1 } as const;
    assert.deepEqual(placeInImage([0.1, 0.05, 0.3, 0.5], padded).box, [0.1, 0.2, 0.3, 1]);
    assert.deepEqual(placeInImage([0.1, 0.5, 0.3, 0.6], padded).box, [0.1, 1, 0.3, 1]);
  });
});

describe('mergeViews', () => {
  it('keeps an object once, as the view that is surest of it shows it', () => {
    const [sure, duplicate, other] = [
      seen([0, 0, 0.4, 1], 0.8, 1),
      seen([0, 0, 0.42, 1], 0.6, 0),
      seen([0.6, 0, 0.8, 1], 0.7, 0),
    ];
    assert.deepEqual(mergeViews([duplicate, other, sure], always), [sure, other]);
    assert.deepEqual(
      mergeViews([duplicate, other, sure], () => false),
      [sure, other, duplicate],
    );
  });

  it('leaves out what a view cuts off', () => {
    const whole = seen([0.3, 0, 0.7, 1], 0.3, 0);
    assert.deepEqual(mergeViews([seen([0.3, 0, 0.5, 1], 0.9, 1, true), whole], always), [whole]);
  });

  it('leaves several boxes of one view to whoever chooses among them', () => {
    const [one, other] = [seen([0, 0, 0.4, 1], 0.8, 1), seen([0, 0, 0.41, 1], 0.7, 1)];
    assert.deepEqual(mergeViews([one, other], always), [one, other]);
  });
});
