import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createMask } from './binary-mask.js';
import { anyMaskPair, maskOf } from './mask-arbitraries.js';
import { maskArea } from './measure.js';
import { intersectionAndUnion, intersectionOverUnion, unionOfMasks } from './overlap.js';

describe('overlap', () => {
  it('counts pixels in both masks and in either', () => {
    assert.deepEqual(intersectionAndUnion(maskOf('##..', '##..'), maskOf('.##.', '....')), {
      intersection: 1,
      union: 5,
    });
  });

  it('leaves out the pixels that the target ignores', () => {
    const prediction = maskOf('####');
    const target = createMask(1, 4, Uint8Array.of(1, 0, 255, 255));
    assert.deepEqual(intersectionAndUnion(prediction, target), { intersection: 1, union: 2 });
    const otherLabel = createMask(1, 4, Uint8Array.of(1, 0, 9, 9));
    assert.deepEqual(intersectionAndUnion(prediction, otherLabel, 9), { intersection: 1, union: 2 });
  });

  it('of two empty masks is 0', () => {
    assert.equal(intersectionOverUnion(createMask(2, 2), createMask(2, 2)), 0);
  });

  it('agrees with areas: |A| + |B| = |A and B| + |A or B|', () => {
    fc.assert(
      fc.property(anyMaskPair, ([one, other]) => {
        const { intersection, union } = intersectionAndUnion(one, other);
        assert.equal(maskArea(one) + maskArea(other), intersection + union);
        assert.equal(maskArea(unionOfMasks([one, other])), union);
      }),
    );
  });

  it('is refused for masks of different sizes', () => {
    assert.throws(() => intersectionAndUnion(createMask(2, 3), createMask(3, 2)), RangeError);
    assert.throws(() => unionOfMasks([createMask(2, 3), createMask(3, 2)]), RangeError);
  });
});

describe('union', () => {
  it('is a new mask', () => {
    const mask = maskOf('#.');
    const union = unionOfMasks([mask, maskOf('.#')]);
    assert.deepEqual(union, maskOf('##'));
    assert.deepEqual(mask, maskOf('#.'));
  });

  it('of no masks is refused', () => {
    assert.throws(() => unionOfMasks([]), RangeError);
  });
});
