import assert from 'node:assert/strict';
import { test } from 'node:test';
import { queriesIn } from './queries.js';

test('queries are what stands between semicolons', () => {
  assert.deepEqual(queriesIn(' the cup;; the dog ; '), { queries: ['the cup', 'the dog'] });
  assert.deepEqual(queriesIn('  '), { queries: [] });
});

test('more queries than the service takes are refused, not cut off', () => {
  assert.equal(queriesIn(Array(16).fill('a').join(';')).queries?.length, 16);
  assert.equal(
    queriesIn(Array(20).fill('a').join(';')).problem,
    'These are 20 queries; at most 16 are answered at once.',
  );
});

test('the limit of characters is that of one query', () => {
  const longest = 'a'.repeat(512);
  assert.deepEqual(queriesIn(`${longest};${longest}`), { queries: [longest, longest] });
  assert.equal(queriesIn(`b;${longest}a`).problem, 'A query has at most 512 characters; this one has 513.');
});
