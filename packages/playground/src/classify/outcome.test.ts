import assert from 'node:assert/strict';
import { test } from 'node:test';
import { certainty, headline, outcomeSentence } from './outcome.js';

const predictions = [{ label: 'wooden cup' }, { label: 'furry cat' }];

test('the best pair is the headline where it may fit', () => {
  const outcome = { predictions, none: 0.4 };
  assert.equal(headline(outcome), 'wooden cup');
  assert.equal(certainty(outcome), 'Probability that none of the pairs fits: 40 %.');
  assert.equal(outcomeSentence(outcome), 'wooden cup is the best pair.');
  assert.equal(headline({ predictions }), 'wooden cup');
  assert.equal(certainty({ predictions }), undefined);
});

test('a pair that probably does not fit is called the closest, not the answer', () => {
  const outcome = { predictions, none: 0.85 };
  assert.equal(headline(outcome), 'Probably none of these');
  assert.equal(certainty(outcome), 'Probability that none of the pairs fits: 85 %. The closest is wooden cup.');
  assert.equal(outcomeSentence(outcome), 'Probably none of these pairs, 85 %. The closest is wooden cup.');
});

test('there may be no pair at all', () => {
  assert.equal(headline({ predictions: [], none: 0.9 }), 'No pair');
  assert.equal(outcomeSentence({ predictions: [], none: 0.9 }), 'No pair.');
});
