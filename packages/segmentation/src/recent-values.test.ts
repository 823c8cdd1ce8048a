import assert from 'node:assert/strict';
import { it } from 'node:test';
import { RecentValues } from './recent-values.js';

it('RecentValues forgets what was used longest ago', () => {
  const values = new RecentValues<number>(2);
  values.set('a', 1);
  values.set('b', 2);
  assert.equal(values.get('a'), 1);
  values.set('c', 3);
  assert.deepEqual([values.get('a'), values.get('b'), values.get('c')], [1, undefined, 3]);
});
