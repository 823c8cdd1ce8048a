import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inTrainingPhrases } from './training-phrases.js';

describe('inTrainingPhrases', () => {
  for (const [text, expected] of [
    ['the dog with the greatest size', 'the dog of the largest size'],
    ['the cup which has the least area', 'the cup of the smallest size'],
    ['of the 3 dogs the 2nd with greatest height', 'of the three dogs the second that is the tallest'],
    ['the dog with the greatest distance to the cup', 'the dog with the greatest distance to the cup'],
    ['the dog that sits on the sofa', 'the dog sitting on the sofa'],
    ['who sits on the bench', 'who is sitting on the bench'],
    ['the man who is riding the horse', 'the man on the horse'],
    ['who rides the horse', 'who is on the horse'],
    ['who is riding on a horse', 'who is sitting on a horse'],
    ['the cup that stands next to the plate', 'the cup standing next to the plate'],
    ['a board for riding waves', 'a board for riding waves'],
    ['the house with the most sizeable door', 'the house with the most sizeable door'],
  ] as const) {
    it(JSON.stringify(text), () => {
      assert.equal(inTrainingPhrases(text), expected);
    });
  }
});
