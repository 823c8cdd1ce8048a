import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { VocabularyMetrics } from '@tessera/contracts';
import fc from 'fast-check';
import { feasibilityScores } from '../candidates/feasibility.js';
import { closedWorld, openWorld } from '../candidates/worlds.js';
import { chooseFeasibilityThreshold } from './feasibility-threshold.js';
import { EvaluationError, evaluateLogits, type GeneralisedEvaluation } from './generalised-evaluation.js';
import type { LabelledLogits } from './image-ranking.js';

/** What training/golden/make_evaluation_vectors.py wrote. */
interface Vector {
  attributes: number;
  objects: number;
  width: number;
  embeddings: string;
  seen: number[];
  truths: number[];
  logits: string;
  feasibility: number[];
  closed: Expected;
  open: Expected;
  threshold: number;
}

type Expected = VocabularyMetrics & { curve: [bias: number, seen: number, unseen: number][] };

/** What training/golden/make_apparel_vectors.py wrote. */
interface ApparelVectors {
  pairs: [attribute: string, object: string][];
  seen: number[];
  truths: number[];
  resolution: number;
  methods: { method: string; logits: string; closed: Expected }[];
}

function read(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../test-vectors/${name}`, import.meta.url), 'utf8'));
}

const vectors = read('evaluation.json') as readonly Vector[];
const apparel = read('apparel-logits.json') as ApparelVectors;

function floats(base64: string): Float32Array {
  return new Float32Array(new Uint8Array(Buffer.from(base64, 'base64')).buffer);
}

function steps(base64: string): Int16Array {
  return new Int16Array(new Uint8Array(Buffer.from(base64, 'base64')).buffer);
}

function labelled({ attributes, objects, seen, truths, logits }: Vector): LabelledLogits {
  const isSeen = new Set(seen);
  return {
    logits: floats(logits),
    seen: Uint8Array.from({ length: attributes * objects }, (_, candidate) => (isSeen.has(candidate) ? 1 : 0)),
    truths: Int32Array.from(truths),
  };
}

function assertClose(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1e-12, `${actual} instead of ${expected}`);
}

function assertSame({ metrics, curve }: GeneralisedEvaluation, expected: Expected): void {
  assert.deepEqual(
    curve.map(({ bias, seen, unseen }) => [bias, seen, unseen]),
    expected.curve,
  );
  assert.equal(metrics.best_seen, expected.best_seen);
  assert.equal(metrics.best_unseen, expected.best_unseen);
  assert.equal(metrics.bias, expected.bias);
  assertClose(metrics.best_hm, expected.best_hm);
  assertClose(metrics.auc, expected.auc);
}

describe('the answers of an independent implementation', () => {
  it('are there for 24 cases, in half of which or more the threshold excludes something', () => {
    assert.equal(vectors.length, 24);
    const selective = vectors.filter(({ feasibility, threshold }) => feasibility.some((value) => value < threshold));
    assert.ok(selective.length >= 12);
  });

  it('are ours in the closed world', () => {
    for (const vector of vectors) {
      const data = labelled(vector);
      const isCandidate = data.seen.map((seen, index) => (seen === 1 || vector.truths.includes(index) ? 1 : 0));
      assertSame(evaluateLogits(data, isCandidate), vector.closed);
    }
  });

  it('are ours in the open world, feasibility and its threshold included', () => {
    for (const vector of vectors) {
      const { attributes: attributeCount, objects: objectCount, width } = vector;
      const embeddings = floats(vector.embeddings);
      const row = (index: number) => embeddings.subarray(index * width, (index + 1) * width);
      const attributes = Array.from({ length: attributeCount }, (_, index) => `a${index}`);
      const objects = Array.from({ length: objectCount }, (_, index) => `o${index}`);
      const seenPairs = vector.seen.map((candidate) => [
        attributes[Math.floor(candidate / objectCount)] ?? '',
        objects[candidate % objectCount] ?? '',
      ]);
      const feasibility = feasibilityScores(openWorld(attributes, objects, seenPairs), seenPairs, {
        attributes: new Map(attributes.map((name, index) => [name, row(index)])),
        objects: new Map(objects.map((name, index) => [name, row(attributeCount + index)])),
      });
      for (const [index, expected] of vector.feasibility.entries()) {
        assert.ok(Math.abs((feasibility[index] ?? NaN) - expected) < 1e-6);
      }
      const expectedFeasibility = Float32Array.from(vector.feasibility);
      const choice = chooseFeasibilityThreshold(labelled(vector), expectedFeasibility);
      assertClose(choice.threshold, vector.threshold);
      assertSame(choice.evaluation, vector.open);
    }
  });
});

describe('the answers of an independent implementation for photos of clothing', () => {
  const { pairs, truths, resolution, methods } = apparel;
  const seen = Uint8Array.from(pairs, (_, candidate) => (apparel.seen.includes(candidate) ? 1 : 0));

  it('are about 2322 photos in the closed world of 15 seen and 4 unseen pairs', () => {
    const pairsOf = (candidates: readonly number[]) => candidates.map((candidate) => pairs[candidate] ?? assert.fail());
    assert.equal(truths.length, 2322);
    assert.equal(closedWorld(pairsOf(apparel.seen), pairsOf(truths)).count, pairs.length);
    assert.deepEqual([pairs.length, apparel.seen.length], [19, 15]);
  });

  for (const { method, logits, closed } of methods) {
    it(`are ours with the logits of ${method}`, () => {
      const data = {
        logits: Float32Array.from(steps(logits), (step) => step / resolution),
        seen,
        truths: Int32Array.from(truths),
      };
      assertSame(evaluateLogits(data), closed);
    });
  }
});

const shape = fc.record({ images: fc.integer({ min: 2, max: 40 }), candidates: fc.integer({ min: 2, max: 12 }) });
const cases: fc.Arbitrary<LabelledLogits> = shape.chain(({ images, candidates }) =>
  fc
    .record({
      logits: fc.array(fc.integer({ min: -20, max: 20 }), {
        minLength: images * candidates,
        maxLength: images * candidates,
      }),
      seenCount: fc.integer({ min: 1, max: candidates - 1 }),
      truths: fc.array(fc.nat(candidates - 1), { minLength: images, maxLength: images }),
    })
    .map(({ logits, seenCount, truths }) => ({
      logits: Float32Array.from(logits),
      seen: Uint8Array.from({ length: candidates }, (_, index) => (index < seenCount ? 1 : 0)),
      // At least one image of each kind.
      truths: Int32Array.from([0, candidates - 1, ...truths.slice(2)]),
    })),
);

describe('evaluateLogits', () => {
  it('trades accuracy on seen pairs for accuracy on unseen ones as the bias grows', () => {
    fc.assert(
      fc.property(cases, (data) => {
        const { metrics, curve, seenImages, unseenImages } = evaluateLogits(data);
        assert.equal(seenImages + unseenImages, data.truths.length);
        for (const [index, point] of curve.entries()) {
          const previous = curve[index - 1] ?? { bias: -Infinity, seen: 1, unseen: 0 };
          assert.ok(point.bias >= previous.bias && point.seen <= previous.seen && point.unseen >= previous.unseen);
        }
        assert.ok(metrics.auc >= 0 && metrics.auc <= metrics.best_seen * metrics.best_unseen + 1e-12);
        assert.equal(curve.at(-1)?.bias, 1000);
      }),
    );
  });

  it('does not depend on a constant added to all logits of an image', () => {
    fc.assert(
      fc.property(cases, fc.integer({ min: -50, max: 50 }), (data, constant) => {
        const shifted = data.logits.map((logit) => logit + constant);
        assert.deepEqual(evaluateLogits({ ...data, logits: shifted }), evaluateLogits(data));
      }),
    );
  });

  it('counts images whose composition is no candidate as unseen ones that are wrong', () => {
    const data = {
      logits: Float32Array.of(5, 1, 1, 5, 5, 1),
      seen: Uint8Array.of(1, 0),
      truths: Int32Array.of(0, 1, -1),
    };
    const { metrics, unseenImages } = evaluateLogits(data);
    assert.equal(unseenImages, 2);
    assert.deepEqual([metrics.best_seen, metrics.best_unseen], [1, 0.5]);
    const excluded = evaluateLogits({ ...data, truths: Int32Array.of(0, 1, 1) }, Uint8Array.of(1, 0));
    assert.deepEqual([excluded.metrics.best_unseen, excluded.metrics.auc], [0, 0]);
  });

  it('needs seen and unseen images, and one logit for each image and candidate', () => {
    const data = { logits: Float32Array.of(1, 2), seen: Uint8Array.of(1, 0), truths: Int32Array.of(0) };
    assert.throws(() => evaluateLogits(data), EvaluationError);
    assert.throws(() => evaluateLogits({ ...data, truths: Int32Array.of(1) }), EvaluationError);
    assert.throws(() => evaluateLogits({ ...data, truths: Int32Array.of(0, 1) }), RangeError);
  });
});
