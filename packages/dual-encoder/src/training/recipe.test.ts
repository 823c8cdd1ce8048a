import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { completeRecipe } from './recipe.js';

describe('a recipe', () => {
  it('shows a small set more often, unless the request has a number of epochs', () => {
    assert.equal(completeRecipe('csp', {}, 5500).epochs, 20);
    assert.equal(completeRecipe('csp', {}, 300).epochs, 167);
    assert.equal(completeRecipe('coop', { batch_size: 16 }, 300).epochs, 27);
    assert.equal(completeRecipe('csp', {}, 2).epochs, 500);
    assert.equal(completeRecipe('csp', { epochs: 3 }, 300).epochs, 3);
    assert.equal(completeRecipe('clip', {}, 300).epochs, 1);
  });

  it('has the defaults of its method for what is left out', () => {
    const { seed, dropout, learning_rate: rate } = completeRecipe('csp', { seed: 7, learning_rate: 0.01 }, 5500);
    assert.deepEqual([seed, dropout, rate], [7, 0.2, 0.01]);
    assert.equal(completeRecipe('coop', {}, 5500).dropout, 0);
  });
});
