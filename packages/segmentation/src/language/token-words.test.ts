import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { tokenWords } from './token-words.js';

describe('tokenWords', () => {
  it('gives the tokens of each word, without the punctuation around it', () => {
    assert.deepEqual(tokenWords('where is the zebra?', ['Ġwhere', 'Ġis', 'Ġthe', 'Ġz', 'ebra', '?']), [
      { text: 'where', tokens: [0, 1] },
      { text: 'is', tokens: [1, 2] },
      { text: 'the', tokens: [2, 3] },
      { text: 'zebra', tokens: [3, 6] },
    ]);
  });

  it('counts bytes: a character of more than one is as many characters of a token', () => {
    assert.deepEqual(tokenWords('é ab', ['ĠÃ©', 'Ġab']), [
      { text: 'é', tokens: [0, 1] },
      { text: 'ab', tokens: [1, 2] },
    ]);
  });

  it('leaves out what has no letter or digit', () => {
    assert.deepEqual(tokenWords('… 🐶', ['ĠâĢ¦', 'ĠðŁĲ', '¶']), []);
  });
});
