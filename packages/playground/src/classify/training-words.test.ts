import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noAuc, progressSentence, trainedSentence } from './training-words.js';

test('an epoch has its measures, and a dash for what there is none of', () => {
  const epoch = { stage: 'epochs', fraction: 0.5, epoch: 3, epochs: 20, loss: 0.12345 };
  assert.equal(progressSentence({ ...epoch, validation_auc: 0.5 }), 'Epoch 3 of 20: loss 0.123, AUC 50.0 %');
  assert.equal(progressSentence(epoch), 'Epoch 3 of 20: loss 0.123, AUC –');
  assert.equal(
    progressSentence({ ...epoch, epoch: 1, epochs: 2, phase: 'choice' }),
    'Epoch 1 of 2, choosing how many epochs are best: loss 0.123, AUC –',
  );
  assert.match(progressSentence({ ...epoch, phase: 'final' }), /^Epoch 3 of 20, learning from all photos:/);
  assert.equal(progressSentence({ stage: 'features', fraction: 0.1 }), 'features …');
});

test('a training ends with its measures, or with why there are none', () => {
  const metrics = { auc: 0.25, best_hm: 0.5, best_seen: 0.5, best_unseen: 0.5, bias: 0 };
  assert.equal(trainedSentence({ name: 'mine', metrics }), 'mine is trained. AUC 25.0 %, best harmonic mean 50 %.');
  assert.equal(trainedSentence({ name: 'mine' }), `mine is trained. ${noAuc}`);
});
