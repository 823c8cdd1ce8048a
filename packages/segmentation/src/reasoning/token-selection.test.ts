import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Box } from '../vision/box.js';
import type { Proposals } from '../vision/proposals.js';
import { tokenPriority } from './token-selection.js';

const tokens = { gridSide: 4, regions: 6 };
const total = 4 * 4 + 6;

function proposals(entries: readonly (readonly [Box, number])[]): Proposals {
  const nothing = { type: 'float32', dims: [0], data: new Float32Array() } as const;
  return {
    boxTensor: nothing,
    scoreTensor: nothing,
    boxes: entries.map(([box]) => box),
    detections: [],
    objectness: Float32Array.from(entries, ([, score]) => score),
  };
}

function best(priority: Float32Array, count: number): number[] {
  return [...priority.keys()].sort((a, b) => (priority[b] ?? 0) - (priority[a] ?? 0)).slice(0, count);
}

const seen = proposals([
  [[0, 0, 0.5, 0.5], 0.9],
  [[0.02, 0, 0.52, 0.5], 0.8],
  [[0.7, 0.7, 0.8, 0.8], 0.6],
  [[0.5, 0, 0.6, 0.1], 0.1],
  [[0, 0.9, 0.1, 1], 0.05],
  [[0, 0.8, 0.1, 0.9], 0.04],
  [[0.9, 0, 1, 0.1], 0.03],
]);

describe('tokenPriority', () => {
  it('takes every n-th token for uniform', () => {
    const priority = tokenPriority('uniform', seen, tokens, 5, '');
    assert.deepEqual(best(priority, 5), [0, 4, 8, 12, 16]);
  });

  it('takes the regions and the cells of their centres by objectness for cls', () => {
    // The first two boxes are centred in the cells 5 and 5, the third in cell 15.
    const priority = tokenPriority('cls', seen, tokens, 5, '');
    assert.deepEqual(best(priority, 5), [5, 16, 17, 15, 18]);
  });

  it('gives every instance a token by its area for seg_first, and the rest by objectness', () => {
    // Five of six tokens lie in the large box, one in the small one; the second box is the first one again.
    const priority = tokenPriority('seg_first', seen, tokens, 6, '');
    assert.deepEqual(best(priority, 6), [5, 16, 17, 0, 1, 18]);
  });

  it('is the same for one seed and differs between seeds for random', () => {
    const [one, same, other] = ['a', 'a', 'b'].map((seed) => tokenPriority('random', seen, tokens, 5, seed));
    assert.deepEqual(one, same);
    assert.notDeepEqual(one, other);
  });

  it('ranks a number of different tokens, whatever was found', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    const entries = fc.array(fc.tuple(fc.tuple(share, share, share, share), share), { maxLength: 10 });
    const selections = fc.constantFrom('random', 'uniform', 'cls', 'seg_first');
    fc.assert(
      fc.property(entries, selections, fc.integer({ min: 1, max: total }), (found, selection, count) => {
        const priority = tokenPriority(selection, proposals(found), tokens, count, 'seed');
        const ranked = [...priority].filter((value) => value > 0);
        assert.equal(priority.length, total);
        assert.equal(new Set(ranked).size, ranked.length);
        assert.ok(ranked.length >= count);
      }),
    );
  });
});
