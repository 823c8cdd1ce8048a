import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { canonicalName, NameIndex } from './primitive-name.js';

describe('canonicalName', () => {
  it('does not depend on case, outer and repeated spaces, underscores and hyphens', () => {
    for (const spelling of ['red', 'Red', 'RED', 'red ', ' red', '\tRed\n'])
      assert.equal(canonicalName(spelling), 'red');
    for (const spelling of ['dark red', 'dark_red', 'dark-red', 'Dark  Red', '_dark _- red-', 'dark\u00a0red']) {
      assert.equal(canonicalName(spelling), 'dark red');
    }
    assert.equal(canonicalName('T-Shirt'), canonicalName('t_shirt'));
    assert.equal(canonicalName('CAFE\u0301'), canonicalName('caf\u00e9'));
  });

  it('keeps other signs and other words apart', () => {
    assert.notEqual(canonicalName('darkred'), canonicalName('dark red'));
    assert.notEqual(canonicalName('0.5'), canonicalName('0 5'));
    assert.equal(canonicalName('赤いドレス'), '赤いドレス');
  });

  it('keeps a name without any other character', () => {
    assert.equal(canonicalName(' - '), '-');
    assert.equal(canonicalName('_'), '_');
  });

  it('is canonical itself', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (name) => {
        const canonical = canonicalName(name);
        assert.equal(canonicalName(canonical), canonical);
        assert.equal(canonicalName(` ${name} `), canonical);
      }),
    );
  });
});

describe('NameIndex', () => {
  it('shows a name as it was first spelled', () => {
    const index = new NameIndex();
    assert.deepEqual(
      ['Dark_Red ', 'blue', 'dark red', 'BLUE', 'dark-red'].map((name) => index.add(name)),
      [0, 1, 0, 1, 0],
    );
    assert.deepEqual(index.names, ['Dark_Red', 'blue']);
    assert.equal(index.firstSpelling('DARK RED'), 'Dark_Red');
    assert.ok(index.has('Blue-'));
    assert.ok(!index.has('green'));
  });
});
