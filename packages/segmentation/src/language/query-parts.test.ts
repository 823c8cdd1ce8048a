import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isNegated, queryParts, withNoun } from './query-parts.js';

describe('the parts of a query', () => {
  it('are what joining words stand between', () => {
    for (const [query, asked] of [
      ['the cat and the dog', ['the cat', 'the dog']],
      ['both the cat and the dog', ['the cat', 'the dog']],
      ['The cat, the dog, and the cup.', ['The cat', 'the dog', 'the cup']],
      ['the bus as well as the person', ['the bus', 'the person']],
      ['the bus together with the person on the left', ['the bus', 'the person on the left']],
      ['cat & dog', ['cat', 'dog']],
    ] as const) {
      const parts = queryParts(query);
      assert.deepEqual([parts?.asked, parts?.leftOut, parts?.endsWithComma], [asked, [], false], query);
    }
  });

  it('end with a comma where no word joins the last one', () => {
    assert.equal(queryParts('of the two cups, the one on the left')?.endsWithComma, true);
    assert.equal(queryParts('the cat, the dog')?.endsWithComma, true);
  });

  it('do not cut what is between two things', () => {
    assert.equal(queryParts('the cup between the plate and the spoon'), undefined);
    assert.deepEqual(queryParts('the cup between the plate and the spoon and the fork')?.asked, [
      'the cup between the plate and the spoon',
      'the fork',
    ]);
  });

  it('may be left out', () => {
    for (const [query, asked, leftOut, exclusion] of [
      ['everyone except the man in red', 'everyone', 'the man in red', 'except the man in red'],
      ['all people, but not the tall one', 'all people', 'the tall one', 'but not the tall one'],
      ['the trucks, not the cars', 'the trucks', 'the cars', 'not the cars'],
      ['everyone but the boy', 'everyone', 'the boy', undefined],
      ['except the boy, everyone', 'everyone', 'the boy', 'except the boy'],
      ['all cups (except the red one), please', 'all cups', 'the red one', 'except the red one'],
    ] as const) {
      const parts = queryParts(query);
      assert.deepEqual([parts?.asked, parts?.leftOut, parts?.exclusion], [[asked], [leftOut], exclusion], query);
    }
  });

  it('are not there in other queries, nor in endless ones', () => {
    for (const query of ['the dog', 'except cars', 'the cat and', 'butter', 'the sand on the beach', '']) {
      assert.equal(queryParts(query), undefined, query);
    }
    assert.equal(queryParts(Array<string>(17).fill('a cup').join(' and ')), undefined);
  });

  it('get the noun that they are short for', () => {
    for (const [text, noun, expected] of [
      ['the one on the left', 'horse', 'the horse on the left'],
      ['the green ones', 'bus', 'the green buses'],
      ['those in front', 'person', 'the people in front'],
      ['the tallest', 'person', 'the tallest person'],
      ['on the right', 'cup', 'the cup on the right'],
      ['the left', 'cup', 'the left cup'],
      ['one cup', 'boat', 'one cup'],
    ] as const) {
      assert.equal(withNoun(text, noun, false), expected);
    }
    assert.equal(withNoun('the man on the left', 'person', true), 'the man on the left');
  });

  it('may say that something is not so', () => {
    for (const text of [
      'all cups except red ones',
      'people not riding horses',
      'everyone who isn’t sitting',
      "the cup that can't be seen",
    ]) {
      assert.equal(isNegated(text), true, text);
    }
    for (const text of ['the note', 'a knot', 'the ant', 'nothing but cups'])
      assert.equal(isNegated(text), false, text);
  });
});
