import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Box } from './box.js';
import { mergeProposals, proposalReader, type Proposal } from './proposals.js';

/** Two boxes around one dog, which may be a cat, and a ball before it. */
const dog = proposal([0.1, 0.1, 0.5, 0.5], 0.75, 0.125);
const dogAgain = proposal([0.1, 0.1, 0.5, 0.45], 0.5, 0.25);
const ball = proposal([0.15, 0.3, 0.3, 0.45], 0, 0.375);

describe('mergeProposals', () => {
  it('keeps the best box of each thing with the highest scores of all its boxes', () => {
    assert.deepEqual(mergeProposals([dog, dogAgain, ball], 0.6), [proposal(dog.box, 0.75, 0.25), ball]);
  });

  it('keeps proposals that overlap no more than the threshold', () => {
    assert.deepEqual(mergeProposals([dog, dogAgain, ball], 0.9), [dog, dogAgain, ball]);
  });

  it('gives scores to the box that overlaps most', () => {
    const lower = proposal([0.1, 0.15, 0.5, 0.55], 0.5, 0);
    const between = proposal([0.1, 0.14, 0.5, 0.54], 0.25, 0.3125);
    assert.deepEqual(mergeProposals([dog, lower, between], 0.79), [dog, proposal(lower.box, 0.5, 0.3125)]);
  });

  it('leaves what it is given as it was, boxes without area too', () => {
    const nothing = proposal([0, 0, 0, 0], 0, 0);
    const before = structuredClone([dog, dogAgain, nothing, nothing]);
    const given = structuredClone(before);
    assert.equal(mergeProposals(given, 0.6).length, 3);
    assert.deepEqual(given, before);
  });
});

describe('proposalReader', () => {
  it('gives as many rows as the detector, those of the merged proposals first', () => {
    const proposals = proposalReader(0.6).read({
      region_boxes: tensor([dog, dogAgain, ball].map(({ box }) => box)),
      region_class_scores: tensor([dog, dogAgain, ball].map(({ scores }) => [...scores])),
      boxes: tensor([dog.box]),
      scores: { type: 'float32', dims: [1], data: Float32Array.of(0.75) },
      classes: { type: 'int64', dims: [1], data: BigInt64Array.of(0n) },
    });
    assert.deepEqual(proposals.boxes.map(rounded), [dog.box, ball.box, [0, 0, 0, 0]]);
    assert.deepEqual([...proposals.objectness], [0.75, 0.375, 0]);
    assert.deepEqual(
      proposals.scoreTensor,
      tensor([
        [0.75, 0.25],
        [0, 0.375],
        [0, 0],
      ]),
    );
    assert.deepEqual(proposals.boxTensor, tensor([dog.box, ball.box, [0, 0, 0, 0]]));
    assert.equal(proposals.detections.length, 1);
  });
});

function proposal(box: Box, ...scores: number[]): Proposal {
  return { box, scores: Float32Array.from(scores) };
}

function tensor(rows: readonly (readonly number[])[]): { type: 'float32'; dims: number[]; data: Float32Array } {
  return { type: 'float32', dims: [rows.length, rows[0]?.length ?? 0], data: Float32Array.from(rows.flat()) };
}

function rounded(box: Box): number[] {
  return box.map((value) => Number(value.toFixed(6)));
}
