import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compositionAt } from '../candidates/candidate-set.js';
import { openWorld } from '../candidates/worlds.js';
import { largestIndexes } from './largest-values.js';
import { scoreCandidates } from './score-candidates.js';

const attributes = ['red', 'blue', 'old'];
const objects = ['hat', 'cat', 'cup', 'dog'];
const candidates = openWorld(attributes, objects, [
  ['red', 'hat'],
  ['old', 'cat'],
  ['old', 'red', 'hat'],
]);

const anyLogits = fc
  .array(fc.float({ min: -2000, max: 2000, noNaN: true }), { minLength: candidates.count, maxLength: candidates.count })
  .map((values) => Float32Array.from(values));

describe('largestIndexes', () => {
  it('are what a stable sort would give', () => {
    const values = fc.array(fc.oneof(fc.integer({ min: 0, max: 5 }), fc.float({ noNaN: true })), { maxLength: 60 });
    fc.assert(
      fc.property(values, fc.nat(70), (numbers, count) => {
        const sorted = numbers
          .map((value, index) => ({ value, index }))
          .sort((a, b) => b.value - a.value || a.index - b.index);
        const expected = sorted.slice(0, count).map(({ index }) => index);
        assert.deepEqual(
          largestIndexes(numbers.length, count, (index) => numbers[index] ?? 0),
          expected,
        );
      }),
    );
  });
});

describe('scoreCandidates', () => {
  it('is a softmax over all candidates, the bias added to unseen ones', () => {
    fc.assert(
      fc.property(anyLogits, fc.float({ min: -50, max: 50, noNaN: true }), (logits, unseenBias) => {
        const { predictions } = scoreCandidates(logits, candidates, { topK: candidates.count, unseenBias });
        const biased = Array.from(logits, (logit, index) => logit + (candidates.seen[index] === 1 ? 0 : unseenBias));
        const largest = Math.max(...biased);
        const total = biased.reduce((sum, value) => sum + Math.exp(value - largest), 0);
        for (const { index, logit, score } of predictions) {
          assert.equal(logit, logits[index]);
          const expected = Math.exp((biased[index] ?? 0) - largest) / total;
          assert.ok(Math.abs(score - expected) <= 1e-9 * expected + 1e-300);
        }
        const ranked = predictions.map(({ index }) => biased[index] ?? 0);
        assert.deepEqual(
          ranked,
          ranked.toSorted((left, right) => right - left),
        );
      }),
    );
  });

  it('gives the same scores for every number of predictions', () => {
    fc.assert(
      fc.property(anyLogits, fc.integer({ min: 1, max: candidates.count }), (logits, topK) => {
        const all = scoreCandidates(logits, candidates, { topK: candidates.count }).predictions;
        assert.deepEqual(scoreCandidates(logits, candidates, { topK }).predictions, all.slice(0, topK));
      }),
    );
  });

  it('sums scores by attribute and by object', () => {
    fc.assert(
      fc.property(anyLogits, (logits) => {
        const { predictions, marginals } = scoreCandidates(logits, candidates, {
          topK: candidates.count,
          marginals: true,
        });
        assert.ok(marginals);
        const sumOver = (hasName: (composition: readonly string[]) => boolean) =>
          predictions.reduce(
            (sum, { index, score }) => sum + (hasName(compositionAt(candidates, index)) ? score : 0),
            0,
          );
        for (const [index, attribute] of candidates.attributes.entries()) {
          const expected = sumOver((composition) => composition.slice(0, -1).includes(attribute));
          assert.ok(Math.abs((marginals.attributes[index] ?? NaN) - expected) < 1e-9);
        }
        for (const [index, object] of candidates.objects.entries()) {
          const expected = sumOver((composition) => composition.at(-1) === object);
          assert.ok(Math.abs((marginals.objects[index] ?? NaN) - expected) < 1e-9);
        }
      }),
    );
  });

  it('stays a distribution for logits and biases of any size', () => {
    const scoresOf = (logits: Float32Array, unseenBias: number) => {
      const { predictions } = scoreCandidates(logits, candidates, { topK: candidates.count, unseenBias });
      return predictions.map(({ score }) => score);
    };
    const extreme = Float32Array.from(candidates.seen, (_, index) => (index === 3 ? 3e38 : -3e38));
    assert.deepEqual(scoresOf(extreme, 0).slice(0, 2), [1, 0]);
    const scores = scoresOf(new Float32Array(candidates.count), 1e308);
    assert.ok(Math.abs(scores.reduce((sum, score) => sum + score, 0) - 1) < 1e-12);
  });

  it('refuses logits of other candidates', () => {
    assert.throws(() => scoreCandidates(new Float32Array(2), candidates, { topK: 1 }), RangeError);
  });
});
