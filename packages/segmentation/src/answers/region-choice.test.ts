import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RegionReasonerSettings } from '@tessera/contracts';
import { Value } from 'typebox/value';
import type { Reading } from '../language/reading.js';
import type { Box } from '../vision/box.js';
import { askedColourProbability } from '../vision/colour-probability.js';
import { chooseRegions } from './region-choice.js';

const settings: RegionReasonerSettings = {
  ...Value.Create(RegionReasonerSettings),
  box_overlap_threshold: 0.7,
  maximum_objects: 3,
  maximum_refined_objects: 3,
  class_floor: -2,
  join_gate: 0.96,
  crowd_size: 10,
  region_threshold: 0,
  detection_threshold: 0.3,
  class_score_ratio: 0.5,
  named_calibration: { bias: 1, weights: [1] },
  context_calibration: { bias: 0.2, weights: [0.5, 1] },
  singular_calibration: { bias: 1, weights: [1, 1] },
};

const dog: Reading = {
  query: 'the dog',
  classWeights: Float32Array.of(0, 1, 0),
  classes: [1],
  references: [],
  excluded: [],
  isDescription: false,
  colours: [],
  depth: undefined,
  quantity: { isPlural: false },
  isAnswerable: true,
  warnings: [],
};

const boxes: readonly Box[] = [
  [0, 0, 0.2, 1],
  [0.01, 0, 0.21, 1],
  [0.3, 0, 0.5, 1],
  [0.6, 0, 0.8, 1],
  [0.9, 0, 0.9, 1],
];

const detections = [
  { box: [0.3, 0, 0.5, 1], classIndex: 1, score: 0.6, rivals: [] },
  { box: [0.6, 0, 0.8, 1], classIndex: 1, score: 0.4, rivals: [] },
  { box: [0, 0, 0.2, 1], classIndex: 0, score: 0.7, rivals: [] },
] as const;

/** Of the regions: class 1 is probable, class 2 improbable; the third one is rather a cat. */
const scoreTensor = {
  type: 'float32',
  dims: [5, 3],
  data: Float32Array.of(0.1, 0.9, 0.05, 0.1, 0.8, 0.05, 0.7, 0.3, 0.06, 0, 0.2, 0, 0, 0, 0),
} as const;

const anyColour: (box: Box) => number = () => 1;
const several = { quantity: { isPlural: true } };
const inContext = { gate: 1 };

/** Regions 0 and 1 are one object, region 4 has no area. */
function choose(
  reading: Partial<Reading>,
  { gate = 0, scores = [3, 2, 1, -1, 9], classLogits = [3, 2, 1, 1, 9], colourOf = anyColour } = {},
  threshold = 0.5,
) {
  const regions = {
    scores: Float32Array.from(scores),
    classLogits: Float32Array.from(classLogits),
    gate,
    tokenMap: [],
  };
  const proposals = { boxes, detections, scoreTensor };
  const evidence = {
    reading: { ...dog, ...reading },
    regions,
    proposals,
    colourOf,
    classNames: ['cat', 'dog', 'bench'],
  };
  return chooseRegions(evidence, settings, threshold);
}

function places({ objects }: Pick<ReturnType<typeof choose>, 'objects'>): number[] {
  return objects.map(({ prompt }) => boxes.findIndex((other) => other.join() === prompt.box?.join()));
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
    const choice = choose({});
    assert.deepEqual([places(choice), choice.kind, choice.features], [[2, 3], 'class', undefined]);
    assert.deepEqual(choose({ classes: [2] }).objects, []);
    assert.deepEqual(places(choose({ classes: [0, 1] })), [0, 2, 3]);
  });

  it('takes the classes that fit a description about as well as the best one', () => {
    const described = { isDescription: true, classes: [0, 1] };
    assert.deepEqual(places(choose({ ...described, classWeights: Float32Array.of(0.1, 0.9, 0) })), [2, 3]);
    assert.deepEqual(places(choose({ ...described, classWeights: Float32Array.of(0.6, 0.6, 0) })), [0, 2, 3]);
  });

  it('takes the best of the regions that pass the class channel for one object', () => {
    const choice = choose({}, { gate: 1, scores: [1, 0, 4, 2, 9], classLogits: [1, 1, -3, 1, 9] });
    assert.deepEqual([places(choice), choice.kind], [[3], 'singular']);
  });

  it('follows the words between one object and several', () => {
    assert.equal(choose(several, inContext).kind, 'context');
    assert.equal(choose(several).kind, 'class');
    assert.equal(choose({ quantity: { count: 1, isPlural: false } }).kind, 'singular');
  });

  it('takes a join for its classes unless a place is certain', () => {
    const join = { ...several, classes: [0, 1] };
    const kindAt = (gate: number, reading: Partial<Reading> = {}): string =>
      choose({ ...join, ...reading }, { gate }).kind;
    assert.equal(kindAt(0.8), 'class');
    assert.equal(kindAt(0.99), 'context');
    assert.equal(kindAt(0.8, { references: [[2]] }), 'context');
    assert.equal(kindAt(0.8, { classes: [1] }), 'context');
  });

  it('scores by the best region and the probabilities of all named objects', () => {
    const beside = (...references: number[][]) => choose({ ...several, references }, inContext).score;
    assert.ok(beside([0]) < beside() && beside([2]) < beside([0]) && beside([0], [2]) < beside([2]));
    assert.equal(beside([2, 0]), beside([0]));
    const one = choose({ references: [[2]] }, inContext);
    const [logit = 0, logChance = 0] = one.features ?? [];
    const chanceOf = (score: number): number => 1 / (1 + Math.exp(-(1 + Math.log(score / (1 - score)))));
    assert.equal(logit, 3);
    assert.ok(Math.abs(Math.exp(logChance) - chanceOf(0.9) * chanceOf(0.06)) < 1e-6);
    assert.ok(Math.abs(one.score - 1 / (1 + Math.exp(-(1 + logit + logChance)))) < 1e-9);
    assert.equal(one.objects[0]?.probability, one.score);
  });

  it('takes as many as the query counts, and reports the count where there are fewer', () => {
    const two = { quantity: { count: 2, isPlural: true } };
    const best = choose(two, { ...inContext, scores: [3, 2, 1, 2.5, 9] });
    assert.deepEqual([places(best), best.count], [[0, 3], 2]);
    const one = choose(two, { ...inContext, scores: [3, 2, -1, -1, 9] });
    assert.deepEqual([places(one), one.count], [[0], 2]);
    const three = choose({ quantity: { count: 3, isPlural: true } });
    assert.deepEqual([places(three), three.count], [[2, 3], 3]);
  });

  it('finds nothing below the threshold of the request, and the best region when it alone is enough', () => {
    assert.deepEqual(choose(several, inContext, 0.99).objects, []);
    assert.ok(choose(several, inContext, 0.99).score > 0.8);
    assert.deepEqual(places(choose(several, { ...inContext, scores: [-3, -2, -4, -5, 9] }, 0.1)), [1]);
  });

  it('finds nothing where no region is a candidate', () => {
    const choice = choose({}, { ...inContext, classLogits: [-3, -3, -3, -3, 9] }, 0);
    assert.deepEqual([choice.score, choice.objects, choice.features], [0, [], undefined]);
  });

  it('takes only objects of the colour, and nothing where none has it', () => {
    const coloured = { colours: [{ place: 'whole', colour: 'red' }] } as const;
    const redAt = (x: number) => (box: Box) => (box[0] === x ? 0.9 : 0.1);
    assert.deepEqual(places(choose(coloured, { colourOf: redAt(0.6) })), [3]);
    const scores = [3, 2, 1, 1, 9];
    assert.deepEqual(places(choose(coloured, { ...inContext, scores, colourOf: redAt(0.6) })), [3]);
    const none = choose(coloured, { colourOf: () => 0.1 });
    assert.deepEqual([none.objects, none.score], [[], askedColourProbability(0.1)]);
  });

  it('takes the one that has the colour best where none surely has it, and all that may have it where several are asked for', () => {
    const coloured = { colours: [{ place: 'whole', colour: 'red' }] } as const;
    const unsure = (box: Box) => (box[0] === 0.6 ? 0.3 : 0.25);
    const one = choose(coloured, { colourOf: unsure });
    assert.deepEqual([places(one), one.score], [[3], askedColourProbability(0.3)]);
    assert.deepEqual(places(choose({ ...coloured, ...several }, { colourOf: unsure })), [2, 3]);
    const scores = [3, 2, 1, 1, 9];
    assert.deepEqual(places(choose(coloured, { ...inContext, scores, colourOf: unsure })), [0]);
    const surer = (box: Box) => (box[0] === 0.6 ? 0.5 : 0.4);
    assert.deepEqual(places(choose(coloured, { ...inContext, scores, colourOf: surer })), [3]);
  });

  it('keeps what a query excludes out, also under another name', () => {
    const excluding = choose({ classes: [1], excluded: [0] });
    assert.deepEqual([places(excluding), places({ objects: excluding.excluded ?? [] })], [[2, 3], [0]]);
    const same = choose({ classes: [0, 1], excluded: [1] });
    assert.deepEqual(places(same), [0]);
  });

  it('has no target left when each object is an excluded one', () => {
    const { score, objects, excluded } = choose({ classes: [0], excluded: [1, 0] });
    assert.deepEqual([score, objects, excluded], [0, [], []]);
  });

  it('passes on what the reading warns of', () => {
    const warnings = [{ code: 'ignored_words', words: ['old'] }] as const;
    assert.deepEqual(
      choose({ warnings: [...warnings].map((own) => ({ ...own, words: [...own.words] })) }).warnings,
      warnings,
    );
  });

  it('has no score without an object: nothing is behind what is not there', () => {
    const { objects, score } = choose({ depth: 'back', references: [[2]] });
    assert.deepEqual([objects, score], [[], 0]);
  });
});
