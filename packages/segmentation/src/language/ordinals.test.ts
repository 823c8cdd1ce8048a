import assert from 'node:assert/strict';
import { test } from 'node:test';
import { spelledOrdinals } from './ordinals.js';

test('ordinals in digits become the words that the reasoner knows; other numbers stay', () => {
  const texts = ['the 2nd dog from the left', '1st, 3rd and 4th', 'the 12th person', 'the 5th car', 'a 4thing'];
  assert.deepEqual(texts.map(spelledOrdinals), [
    'the second dog from the left',
    'first, third and fourth',
    'the 12th person',
    'the 5th car',
    'a 4thing',
  ]);
});
