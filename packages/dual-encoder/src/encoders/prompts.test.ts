import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pairCandidates } from '@tessera/composition';
import { checkPromptLengths, promptBatch, type PromptRows } from './prompts.js';

const candidates = pairCandidates([
  ['red', 'cup'],
  ['old', 'red', 'hat'],
]);

const rows: PromptRows = {
  prefix: [Float32Array.of(1, 1), Float32Array.of(2, 2)],
  attributes: [Float32Array.of(10, 0), Float32Array.of(20, 0)],
  objects: [Float32Array.of(0, 30), Float32Array.of(0, 40)],
  end: Float32Array.of(9, 9),
};

describe('prompts', () => {
  it('put the attributes and the object between the words and the end token', () => {
    assert.deepEqual(
      [candidates.attributes, candidates.objects],
      [
        ['red', 'old'],
        ['cup', 'hat'],
      ],
    );
    const { inputs_embeds: embeds, end } = promptBatch(candidates, 0, 2, rows);
    assert.deepEqual(embeds, {
      type: 'float32',
      dims: [2, 6, 2],
      data: Float32Array.of(...[1, 1, 2, 2, 10, 0, 0, 30, 9, 9, 0, 0], ...[1, 1, 2, 2, 20, 0, 10, 0, 0, 40, 9, 9]),
    });
    assert.deepEqual(end, { type: 'int64', dims: [2], data: BigInt64Array.of(4n, 5n) });
  });

  it('are as long as the longest of their batch', () => {
    assert.deepEqual(promptBatch(candidates, 0, 1, rows).inputs_embeds.dims, [1, 5, 2]);
    assert.deepEqual(promptBatch(candidates, 1, 2, rows).inputs_embeds.dims, [1, 6, 2]);
  });

  it('have to fit the context', () => {
    checkPromptLengths(candidates, 2, 6);
    assert.throws(
      () => {
        checkPromptLengths(candidates, 2, 5);
      },
      { code: 'TSR_VALIDATION', message: /2 attributes.* room for 1/ },
    );
  });
});
