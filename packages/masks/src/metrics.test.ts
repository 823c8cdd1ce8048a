import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cIoU, gIoU } from './metrics.js';

describe('gIoU', () => {
  it('is the mean over samples, 1 for a sample with neither target nor prediction', () => {
    const samples = [
      { intersection: 50, union: 100 },
      { intersection: 1, union: 1 },
      { intersection: 0, union: 99 },
      { intersection: 0, union: 0 },
    ];
    assert.equal(gIoU(samples), (50 / 100.00001 + 1 / 1.00001 + 0 + 1) / 4);
  });

  it('refuses an empty set of samples', () => {
    assert.throws(() => gIoU([]), RangeError);
  });
});

describe('cIoU', () => {
  it('is all intersections over all unions', () => {
    const samples = [
      { intersection: 50, union: 100 },
      { intersection: 0, union: 0 },
      { intersection: 1, union: 300 },
    ];
    assert.ok(Math.abs(cIoU(samples) - 51 / 400) < 1e-9);
    assert.equal(cIoU([{ intersection: 0, union: 0 }]), 0);
    assert.throws(() => cIoU([]), RangeError);
  });
});
