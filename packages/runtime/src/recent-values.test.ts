import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RecentValues } from './recent-values.js';

describe('recent values', () => {
  it('forget what was not used for longest', () => {
    const values = new RecentValues<string>(2);
    values.set('a', 'A');
    values.set('b', 'B');
    assert.equal(values.get('a'), 'A');
    values.set('c', 'C');
    assert.deepEqual([values.get('a'), values.get('b'), values.get('c')], ['A', undefined, 'C']);
  });

  it('count sizes, also of a value that replaces another', () => {
    const values = new RecentValues<number[]>(4, ({ length }) => length);
    values.set('a', [1, 2]);
    values.set('b', [1, 2]);
    values.set('a', [1]);
    assert.deepEqual(values.get('b'), [1, 2]);
    values.set('c', [1, 2]);
    assert.equal(values.get('a'), undefined);
    assert.deepEqual(values.get('b'), [1, 2]);
  });

  it('keep the last one even beyond the limit, and nothing else', () => {
    const values = new RecentValues<number[]>(2, ({ length }) => length);
    values.set('a', [1]);
    values.set('b', [1, 2, 3]);
    assert.equal(values.get('a'), undefined);
    assert.deepEqual(values.get('b'), [1, 2, 3]);
  });
});
