import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { dropoutMask, epochOrder, splitOrder } from './training-random.js';

describe('numbers of a seed', () => {
  it('order every example once, each epoch in another way', () => {
    const first = epochOrder(7, 1, 1000);
    assert.deepEqual(
      first.slice().sort(),
      Uint32Array.from({ length: 1000 }, (_, index) => index),
    );
    assert.deepEqual(epochOrder(7, 1, 1000), first);
    assert.notDeepEqual(epochOrder(7, 2, 1000), first);
    assert.notDeepEqual(epochOrder(8, 1, 1000), first);
    assert.notDeepEqual(splitOrder(7, 1, 1000), first);
  });

  it('drop the given share and scale up the rest', () => {
    const mask = dropoutMask(1, 3, 100_000, 0.3);
    const kept = Math.fround(1 / 0.7);
    assert.ok(mask.every((value) => value === 0 || value === kept));
    const dropped = mask.filter((value) => value === 0).length / mask.length;
    // Five standard deviations of a binomial share.
    assert.ok(Math.abs(dropped - 0.3) < 5 * Math.sqrt((0.3 * 0.7) / mask.length));
    assert.notDeepEqual(dropoutMask(1, 4, 100, 0.3), mask.slice(0, 100));
  });

  it('drop nothing at probability 0', () => {
    assert.deepEqual(dropoutMask(1, 1, 64, 0), new Float32Array(64).fill(1));
  });
});
