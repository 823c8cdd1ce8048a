import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RegionReasonerSettings } from '@tessera/contracts';
import { Value } from 'typebox/value';
import type { Box } from '../vision/box.js';
import type { QueryMeaning, QueryReading } from '../language/query-matcher.js';
import { chooseRegions, refuseQuery } from './region-choice.js';

const settings: RegionReasonerSettings = {
  ...Value.Create(RegionReasonerSettings),
  box_overlap_threshold: 0.7,
  maximum_objects: 3,
  class_floor: -2,
  region_threshold: 0,
  detection_threshold: 0.3,
  class_score_ratio: 0.5,
  named_calibration: { bias: 1, weights: [1] },
  described_calibration: { bias: 0, weights: [1, 1, -1] },
  context_calibration: { bias: 0.2, weights: [0.5, 1] },
  singular_calibration: { bias: 1, weights: [1, 1] },
};

const dog: QueryReading = {
  classes: [1],
  isDescribed: false,
  unknownWords: [],
  modifierWords: [],
  placementWords: [],
  untrainedWords: [],
  referenceObjects: [],
  quantity: {},
  refusedWords: [],
  text: 'dog',
  spelledWords: [],
  isMeaningful: true,
};

const boxes: readonly Box[] = [
  [0, 0, 0.2, 1],
  [0.01, 0, 0.21, 1],
  [0.3, 0, 0.5, 1],
  [0.6, 0, 0.8, 1],
  [0.9, 0, 0.9, 1],
];

const detections = [
  { box: [0.3, 0, 0.5, 1], classIndex: 1, score: 0.6 },
  { box: [0.6, 0, 0.8, 1], classIndex: 1, score: 0.4 },
  { box: [0, 0, 0.2, 1], classIndex: 0, score: 0.7 },
] as const;

/** Class 1 is probable, class 2 improbable. */
const classScores = Float32Array.of(0.7, 0.9, 0.06);

/** Of the regions; the third one is rather a cat. */
const scoreTensor = {
  type: 'float32',
  dims: [5, 3],
  data: Float32Array.of(0.1, 0.9, 0.05, 0.1, 0.8, 0.05, 0.7, 0.3, 0.06, 0, 0.2, 0, 0, 0, 0),
} as const;
const classNames = ['cat', 'dog', 'bench'];

const several = { quantity: { isPlural: true } };
const inContext = { gate: 1, singular: 0 };

/** Regions 0 and 1 are one object, region 4 has no area. */
function choose(
  meaning: Partial<QueryMeaning>,
  { gate = 0, singular = 0, scores = [3, 2, 1, -1, 9], classLogits = [3, 2, 1, 1, 9] } = {},
  threshold = 0.5,
) {
  const regions = {
    scores: Float32Array.from(scores),
    classLogits: Float32Array.from(classLogits),
    gate,
    singular,
    tokenMap: [],
  };
  const found = { boxes, detections, classScores, scoreTensor };
  return chooseRegions({ ...dog, ...meaning }, regions, found, classNames, settings, threshold);
}

function places(choice: ReturnType<typeof choose>): number[] {
  return choice.objects.map(({ prompt }) => boxes.findIndex((other) => other.join() === prompt.box?.join()));
}

describe('chooseRegions', () => {
  it('takes every distinct region over the threshold for several objects, best first', () => {
    assert.deepEqual(places(choose(several, inContext)), [0, 2]);
  });

  it('labels each region by the class that it fits best of those that the query names', () => {
    const labels = (classes: number[]): unknown[] =>
      choose({ ...several, classes }, inContext).objects.map(({ label }) => label);
    assert.deepEqual(labels([1]), ['dog', 'dog']);
    assert.deepEqual(labels([0, 1]), ['dog', 'cat']);
    assert.equal(choose({ ...several, classes: [2, 1] }, inContext, 0.99).label, 'bench, dog');
  });

  it('takes the detections of its classes for a query for a class', () => {
    const choice = choose({ quantity: { isPlural: false } }, { singular: 1 });
    assert.deepEqual([places(choice), choice.kind, choice.features], [[2, 3], 'class', undefined]);
    assert.deepEqual(choose({ classes: [2] }).objects, []);
    const described = choose({ classes: [], similarities: Float64Array.of(0.9, 0.2, 0.1) });
    assert.deepEqual([places(described), described.kind], [[0], 'class']);
    const one = choose({ similarities: Float64Array.of(0.9, 0.2, 0.1), quantity: { count: 1 } }, inContext);
    assert.equal(one.kind, 'class');
  });

  it('takes the best of the regions that pass the class channel for one object', () => {
    const logits = { gate: 1, scores: [1, 0, 4, 2, 9], classLogits: [1, 1, -3, 1, 9] };
    const choice = choose({ quantity: { isPlural: false } }, logits);
    assert.deepEqual([places(choice), choice.kind], [[3], 'singular']);
  });

  it('follows the words between one object and several, and the model where they leave it open', () => {
    assert.equal(choose({ quantity: { isPlural: true } }, { gate: 1, singular: 1 }).kind, 'context');
    assert.equal(choose({ quantity: { isPlural: false } }, { gate: 1, singular: 0 }).kind, 'singular');
    assert.equal(choose({ quantity: {} }, { gate: 1, singular: 1 }).kind, 'singular');
    assert.equal(choose({ quantity: {} }, { gate: 1, singular: 0 }).kind, 'context');
    assert.equal(choose({ quantity: {} }, { gate: 0, singular: 1 }).kind, 'class');
    assert.equal(choose({ classes: [], quantity: {} }, { gate: 0, singular: 1 }).kind, 'class');
    assert.equal(choose({ quantity: { count: 1, isPlural: false } }).kind, 'singular');
  });

  it('scores by the best region and the probabilities of all named objects', () => {
    const beside = (...referenceObjects: number[][]) => choose({ referenceObjects }, inContext).score;
    assert.ok(beside([0]) < beside() && beside([2]) < beside([0]) && beside([0], [2]) < beside([2]));
    assert.equal(beside([2, 0]), beside([0]));
    const one = choose({ referenceObjects: [[2]] }, { gate: 1, singular: 1 });
    const [logit = 0, logChance = 0] = one.features ?? [];
    const chanceOf = (score: number): number => 1 / (1 + Math.exp(-(1 + Math.log(score / (1 - score)))));
    assert.equal(logit, 3);
    assert.ok(Math.abs(Math.exp(logChance) - chanceOf(0.9) * chanceOf(0.06)) < 1e-6);
    assert.ok(Math.abs(one.score - 1 / (1 + Math.exp(-(1 + logit + logChance)))) < 1e-9);
    assert.equal(one.objects[0]?.probability, one.score);
  });

  it('takes as many as the query counts, and warns when there are fewer', () => {
    const two = { count: 2, countWord: 'two', isPlural: true };
    const best = choose({ quantity: two }, { ...inContext, scores: [3, 2, 1, 2.5, 9] });
    assert.deepEqual([places(best), best.warnings], [[0, 3], []]);
    const one = choose({ quantity: two }, { ...inContext, scores: [3, 2, -1, -1, 9] });
    assert.deepEqual([places(one), one.warnings], [[0], [{ code: 'fewer_found', words: ['two'] }]]);
    const three = choose({ quantity: { count: 3, countWord: 'three', isPlural: true } });
    assert.deepEqual([places(three), three.warnings], [[2, 3], [{ code: 'fewer_found', words: ['three'] }]]);
  });

  it('finds nothing below the threshold of the request, and the best region when it alone is enough', () => {
    assert.deepEqual(choose(several, inContext, 0.99).objects, []);
    assert.ok(choose(several, inContext, 0.99).score > 0.8);
    assert.deepEqual(places(choose(several, { ...inContext, scores: [-3, -2, -4, -5, 9] }, 0.1)), [1]);
  });

  it('finds nothing where no region is a candidate', () => {
    const choice = choose({}, { gate: 1, singular: 1, classLogits: [-3, -3, -3, -3, 9] }, 0);
    assert.deepEqual([choice.score, choice.objects, choice.features], [0, [], undefined]);
  });

  it('names unknown words, and those that boxes cannot answer', () => {
    const words = { unknownWords: ['zorgl'], modifierWords: ['red', 'left'], untrainedWords: ['red'] };
    assert.deepEqual(choose(words, inContext).warnings, [
      { code: 'unknown_words', words: ['zorgl'] },
      { code: 'ignored_words', words: ['red'] },
    ]);
  });
});

describe('refuseQuery', () => {
  it('names what the query excludes', () => {
    const choice = refuseQuery({ ...dog, refusedWords: ['without'], modifierWords: ['red'] });
    assert.deepEqual(choice, { score: 0, objects: [], warnings: [{ code: 'negation', words: ['without'] }] });
  });

  it('names the words of a query that are known and name nothing', () => {
    const words = { classes: [], text: 'find it it', isMeaningful: false };
    assert.deepEqual(refuseQuery({ ...dog, ...words }).warnings, [{ code: 'unknown_words', words: ['find', 'it'] }]);
  });

  it('names every word of a query without meaning', () => {
    const words = { classes: [], unknownWords: ['zorgl', '🐶'], spelledWords: ['zorgl', '🐶'], isMeaningful: false };
    assert.deepEqual(refuseQuery({ ...dog, ...words }).warnings, [{ code: 'unknown_words', words: ['zorgl', '🐶'] }]);
  });
});
