import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Box } from '../vision/box.js';
import { chooseByDepth } from './depth-choice.js';

/** From the back to the front. */
const boxes: readonly Box[] = [
  [0.1, 0.3, 0.15, 0.4],
  [0.3, 0.3, 0.4, 0.5],
  [0.6, 0.3, 0.9, 0.95],
];
const objects = boxes.map((box) => ({ prompt: { box }, probability: 0.9 }));
const dog = { box: [0.4, 0.4, 0.6, 0.7], classIndex: 1, score: 0.8, rivals: [] } as const;

function places(
  reading: Partial<Parameters<typeof chooseByDepth>[1]>,
  detections: Parameters<typeof chooseByDepth>[2] = [dog],
): number[] {
  const asked = { depth: undefined, references: [], quantity: { isPlural: false }, ...reading };
  return chooseByDepth(objects, asked, detections, 0.2).map((object) => objects.indexOf(object as (typeof objects)[0]));
}

describe('chooseByDepth', () => {
  it('leaves objects as they are when the query asks for no depth', () => {
    assert.deepEqual(places({}), [0, 1, 2]);
  });

  it('takes the one that stands lowest and is largest as the front, the opposite as the back', () => {
    assert.deepEqual([places({ depth: 'front' }), places({ depth: 'back' })], [[2], [0]]);
  });

  it('takes the nearer half of several, or all in order for a count', () => {
    assert.deepEqual(places({ depth: 'back', quantity: { isPlural: true } }), [0, 1]);
    assert.deepEqual(places({ depth: 'front', quantity: { isPlural: true, count: 2 } }), [2, 1, 0]);
  });

  it('looks from the other object that the query names, and finds nothing without it', () => {
    const behind = { depth: 'back', references: [[1]] } as const;
    assert.deepEqual(places(behind), [1]);
    assert.deepEqual(places({ ...behind, quantity: { isPlural: true } }), [1, 0]);
    assert.deepEqual(places({ ...behind, depth: 'front' }), [2]);
    assert.deepEqual(places(behind, []), []);
    assert.deepEqual(places(behind, [{ ...dog, score: 0.1 }]), []);
  });
});
