import assert from 'node:assert/strict';
import { it } from 'node:test';
import { distinctBoxes, type Box } from './box.js';

it('distinctBoxes keeps the first of boxes that overlap more than the threshold', () => {
  const at = (x: number): { box: Box } => ({ box: [x, 0, x + 0.4, 1] });
  const [best, apart, like] = [at(0.05), at(0.5), at(0)];
  assert.deepEqual(distinctBoxes([best, apart, like], 0.7), [best, apart]);
  assert.deepEqual(distinctBoxes([best, apart, like], 0.9), [best, apart, like]);
});
