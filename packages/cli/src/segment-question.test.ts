import assert from 'node:assert/strict';
import { it } from 'node:test';
import { warningText } from './segment-question.js';

it('a warning that counts something is a sentence about so many', () => {
  const textOf = (code: 'unused_points' | 'coarse_masks', count: number) => warningText({}, { code, words: [], count });
  assert.equal(textOf('unused_points', 1), '1 excluding point is not on the mask and changes nothing (unused_points)');
  assert.match(textOf('unused_points', 2), /^2 excluding points are not on the mask and change nothing \(/);
  assert.equal(textOf('coarse_masks', 3), '3 objects have a coarse shape (coarse_masks)');
});
