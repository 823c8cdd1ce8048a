import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SeededRandom } from './seeded-random.js';

const words = (seed: number | string, count: number) => {
  const random = new SeededRandom(seed);
  return Array.from({ length: count }, () => random.next() * 2 ** 32);
};

describe('seeded random numbers', () => {
  // Anything that was ever drawn with a seed (queries, token selections) depends on these numbers.
  it('are the same for ever', () => {
    assert.deepEqual(words(7, 4), [50271532, 266108690, 4195786334, 3002305430]);
    assert.deepEqual(words(-1, 1), [3850105811]);
    assert.deepEqual(words(2 ** 40 + 3, 1), [3093350482]);
    assert.deepEqual(new SeededRandom(7).sample(['a', 'b', 'c', 'd', 'e', 'f'], 4), ['a', 'b', 'f', 'e']);
    assert.deepEqual(new SeededRandom('sha256:photo').permutation(10), [1, 8, 3, 5, 9, 0, 2, 7, 4, 6]);
  });

  it('pick only what is there', () => {
    const random = new SeededRandom('pick');
    const picked = new Set(Array.from({ length: 100 }, () => random.pick(['a', 'b', 'c'])));
    assert.deepEqual([...picked].sort(), ['a', 'b', 'c']);
    assert.throws(() => random.pick([]), RangeError);
    assert.deepEqual(random.permutation(0), []);
    assert.deepEqual(random.sample(['a'], 3), ['a']);
  });
});
