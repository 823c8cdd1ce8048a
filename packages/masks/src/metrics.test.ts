import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cIoU, gIoU } from './metrics.js';

const samples = [
  { intersection: 50, union: 100 },
  { intersection: 1, union: 1 },
  { intersection: 0, union: 99 },
  { intersection: 0, union: 0 },
];

describe('gIoU', () => {
  it('is the mean over samples, 1 where there is nothing to find and nothing was found', () => {
    assert.equal(gIoU(samples), (50 / 100.00001 + 1 / 1.00001 + 0 + 1) / 4);
  });
});

describe('cIoU', () => {
  it('is the quotient of the sums', () => {
    assert.equal(cIoU(samples), 51 / 200);
  });

  it('is 0 if every union is empty', () => {
    assert.equal(cIoU([{ intersection: 0, union: 0 }]), 0);
  });
});

describe('both', () => {
  it('refuse an empty set of samples', () => {
    assert.throws(() => gIoU([]), RangeError);
    assert.throws(() => cIoU([]), RangeError);
  });
});
