import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Spelling } from './spelling.js';

describe('spelling', () => {
  const known = new Set(['bears', 'cart', 'sheet', 'the', 'goat', 'coat']);
  const spelling = new Spelling(['car', 'chair', 'bear', 'bench', 'traffic light'], (word) => known.has(word));
  const textOf = (query: string) => spelling.correct(query)?.text;

  it('corrects a letter that is missing, added, wrong, or in the place of its neighbour', () => {
    for (const [typed, meant] of [
      ['chir', 'chair'],
      ['chhair', 'chair'],
      ['chaur', 'chair'],
      ['chiar', 'chair'],
      ['chairr', 'chair'],
      ['benchs', 'bench'],
      ['benchse', 'benches'],
    ] as const) {
      assert.deepEqual(spelling.correct(`the ${typed}!`), { text: `the ${meant}!`, words: [typed] });
    }
    assert.deepEqual(spelling.correct('Trafic Ligth'), { text: 'traffic light', words: ['Trafic', 'Ligth'] });
  });

  it('leaves what is right, too short, too far, with another first letter, or the slip of several words', () => {
    for (const text of ['the chair', 'bears', 'caf', 'chi', 'chharir', 'dhair', 'cair']) {
      assert.equal(textOf(text), undefined, text);
    }
  });

  it('leaves words that the model knows, and rare ones of English', () => {
    for (const text of ['the sheet', 'a beech', 'the beechs', 'a cart']) assert.equal(textOf(text), undefined, text);
  });
});
