import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compositionAt } from './candidate-set.js';
import type { Composition } from './composition.js';
import { feasibilityScores, feasibleCandidates } from './feasibility.js';
import { openWorld, pairCandidates } from './worlds.js';

const attributes = ['red', 'blue', 'old', 'wet'];
const objects = ['dress', 'hat', 'cat', 'dog', 'red'];

type Vectors = ReadonlyMap<string, Float32Array>;

function cosine(left: Float32Array, right: Float32Array): number {
  const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);
  return dot(left, right) / Math.sqrt(dot(left, left) * dot(right, right));
}

/** The definition, word by word: over every other name that was seen with the partner. */
function naiveNearest(
  name: string,
  names: readonly string[],
  isSeenWith: (other: string) => boolean,
  vectors: Vectors,
) {
  const similarities = names
    .filter((other) => other !== name && isSeenWith(other))
    .map((other) => cosine(vectors.get(name) ?? new Float32Array(), vectors.get(other) ?? new Float32Array()));
  return Math.max(-1, ...similarities);
}

function vectorsOf(names: readonly string[]): fc.Arbitrary<Vectors> {
  const vector = fc
    .array(fc.integer({ min: -9, max: 9 }), { minLength: 4, maxLength: 4 })
    .filter((values) => values.some((value) => value !== 0))
    .map((values) => Float32Array.from(values));
  return fc
    .tuple(...names.map(() => vector))
    .map((vectors) => new Map(names.map((name, index) => [name, vectors[index] ?? new Float32Array()])));
}

const anyPair = fc.tuple(fc.constantFrom(...attributes), fc.constantFrom(...objects));

describe('feasibilityScores', () => {
  it('do not depend on how names are spelled', () => {
    const embeddings = {
      attributes: new Map([
        ['Dark_Red', Float32Array.of(1, 0)],
        ['blue', Float32Array.of(1, 1)],
      ]),
      objects: new Map([
        ['T-Shirt', Float32Array.of(0, 1)],
        ['hat', Float32Array.of(1, 1)],
      ]),
    };
    const plain = {
      attributes: new Map([
        ['dark red', Float32Array.of(1, 0)],
        ['blue', Float32Array.of(1, 1)],
      ]),
      objects: new Map([
        ['t shirt', Float32Array.of(0, 1)],
        ['hat', Float32Array.of(1, 1)],
      ]),
    };
    const scores = feasibilityScores(
      openWorld(['Dark_Red', 'blue'], ['T-Shirt', 'hat']),
      [
        ['dark red', 't-shirt'],
        ['BLUE', 'Hat'],
      ],
      embeddings,
    );
    const expected = feasibilityScores(
      openWorld(['dark red', 'blue'], ['t shirt', 'hat']),
      [
        ['dark red', 't shirt'],
        ['blue', 'hat'],
      ],
      plain,
    );
    assert.deepEqual(scores, expected);
    assert.ok((scores[1] ?? -1) > 0.5);
  });

  it('follow their definition', () => {
    fc.assert(
      fc.property(
        fc.array(anyPair),
        vectorsOf(attributes),
        vectorsOf(objects),
        (seenPairs, attributeVectors, objectVectors) => {
          const isSeen = (attribute: string, object: string) =>
            seenPairs.some(([a, o]) => a === attribute && o === object);
          const candidates = openWorld(attributes, objects, seenPairs);
          const scores = feasibilityScores(candidates, seenPairs, {
            attributes: attributeVectors,
            objects: objectVectors,
          });
          for (const [index, score] of scores.entries()) {
            const [attribute = '', object = ''] = compositionAt(candidates, index);
            const nearestObject = naiveNearest(object, objects, (other) => isSeen(attribute, other), objectVectors);
            const nearestAttribute = naiveNearest(
              attribute,
              attributes,
              (other) => isSeen(other, object),
              attributeVectors,
            );
            const expected = isSeen(attribute, object) ? 1 : (nearestObject + nearestAttribute) / 2;
            assert.ok(Math.abs(score - expected) < 1e-6, `${attribute} ${object}: ${score} instead of ${expected}`);
          }
        },
      ),
    );
  });

  const embeddings = {
    attributes: new Map([
      ['red', Float32Array.of(1, 0)],
      ['blue', Float32Array.of(3, 4)],
      ['old', Float32Array.of(0, 2)],
    ]),
    objects: new Map([
      ['hat', Float32Array.of(1, 0)],
      ['cap', Float32Array.of(4, 3)],
    ]),
  };
  const seenPairs: Composition[] = [
    ['red', 'hat'],
    ['blue', 'cap'],
    ['old', 'cap'],
  ];

  it('of several attributes are those of the least plausible one', () => {
    const scores = feasibilityScores(
      pairCandidates([
        ['red', 'cap'],
        ['blue', 'red', 'cap'],
        ['blue', 'old', 'hat'],
        ['blue', 'hat'],
        ['old', 'hat'],
      ]),
      seenPairs,
      embeddings,
    );
    const expected = [(0.8 + 0.6) / 2, (0.8 + 0.6) / 2, (0.8 + 0) / 2, (0.8 + 0.6) / 2, (0.8 + 0) / 2];
    for (const [index, value] of expected.entries()) assert.ok(Math.abs((scores[index] ?? 0) - value) < 1e-6);
  });

  it('need an embedding of every name', () => {
    assert.throws(() => feasibilityScores(pairCandidates([['green', 'hat']]), seenPairs, embeddings), /"green"/);
  });
});

describe('feasibleCandidates', () => {
  it('are those at the threshold or above, and seen ones whatever it is', () => {
    const scores = Float32Array.of(1, 0.5, 0.25, -1);
    assert.deepEqual(feasibleCandidates(scores, Uint8Array.of(1, 0, 0, 0), 0.5), Uint8Array.of(1, 1, 0, 0));
    assert.deepEqual(feasibleCandidates(scores, Uint8Array.of(1, 0, 0, 0), 2), Uint8Array.of(1, 0, 0, 0));
  });
});
