import assert from 'node:assert/strict';
import { it } from 'node:test';
import { roundTo } from './round-to.js';

it('rounds to decimal places, halves up', () => {
  assert.deepEqual(
    [roundTo(1.25, 1), roundTo(-1.25, 1), roundTo(0.12344, 4), roundTo(12.5, 0), roundTo(3, 2)],
    [1.3, -1.2, 0.1234, 13, 3],
  );
});
