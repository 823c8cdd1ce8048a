import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pluralOf, splitWords } from './words.js';

describe('splitWords', () => {
  const texts = (text: string): string[] => splitWords(text).map((word) => word.text);

  it('separates at white space, hyphens and punctuation, and ignores case', () => {
    assert.deepEqual(texts('The Wine-Glass!\tnear\nme.'), ['the', 'wine', 'glass', 'near', 'me']);
  });

  it('reads what joins things as "and"', () => {
    assert.deepEqual(texts('cups, forks & knives'), ['cups', 'and', 'forks', 'and', 'knives']);
  });

  it('marks possessors and takes their ending off', () => {
    assert.deepEqual(splitWords('the dog’s bowl'), [
      { text: 'the', possessive: false },
      { text: 'dog', possessive: true },
      { text: 'bowl', possessive: false },
    ]);
  });

  it('normalises compatibility characters', () => {
    assert.deepEqual(texts('ｄｏｇ'), ['dog']);
  });

  it('finds no word in emoji, control characters or punctuation', () => {
    assert.deepEqual(texts('🐶🐶 \u0000\u0007 …?! ()'), []);
  });
});

describe('pluralOf', () => {
  for (const [singular, plural] of [
    ['dog', 'dogs'],
    ['bus', 'buses'],
    ['couch', 'couches'],
    ['knife', 'knives'],
    ['person', 'people'],
    ['fireman', 'firemen'],
    ['toothbrush', 'toothbrushes'],
    ['berry', 'berries'],
    ['toy', 'toys'],
  ] as const) {
    it(`${singular} → ${plural}`, () => {
      assert.equal(pluralOf(singular), plural);
    });
  }

  it('is not misled by names of object properties', () => {
    assert.equal(pluralOf('constructor'), 'constructors');
  });
});
