import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SegmentQueryResult } from '@tessera/client';
import type { SegmentQuestion } from '../service/question.js';
import { changeOf, outcomeSentence, summary, verdict } from './outcome.js';

const found = { present: true, score: 0.998, label: 'person', area: 12, bbox: [0, 0, 4, 3], warnings: [] };

function layerOf(question: SegmentQuestion, result: Partial<SegmentQueryResult>, change?: string) {
  const full = { ...found, ...result } as SegmentQueryResult;
  const answer = { result: full, timings: {}, size: { width: 10, height: 10 }, question };
  return { query: question.query, number: 0, state: { kind: 'answered' }, answer, change } as const;
}

const beside = { points: [{ x: 1, y: 2, label: 0 as const }] };

test('an answer to words has its probability and the mask’s share of the photo', () => {
  const layer = layerOf({ query: 'the person' }, {});
  assert.equal(outcomeSentence(layer), 'the person: found person, over 99 %, 12 % of the photo.');
  assert.equal(summary(layer), 'over 99 %');
  assert.equal(verdict(layer.answer), 'Found: person.');
});

test('a corrected answer says what was done, and how large the mask is now', () => {
  const change = changeOf({ kind: 'point', x: 1, y: 2, label: 0 }, 'added');
  const layer = layerOf({ query: 'the person', prompts: [beside, { box: [0, 0, 5, 5] }] }, { area: 7 }, change);
  assert.equal(outcomeSentence(layer), 'the person, point beside it added: found person, 7 % of the photo.');
  assert.equal(summary(layer), '7 % of the photo');
  assert.equal(verdict(layer.answer), 'Found: person, corrected by a point and a box.');
});

test('an absent object, or one that is no longer there, is announced', () => {
  const nothing = { present: false, area: 0 };
  assert.equal(outcomeSentence(layerOf({ query: 'the dog' }, nothing)), 'the dog: nothing here matches.');
  const undone = changeOf({ kind: 'box', box: [0, 0, 1, 1] }, 'taken back');
  const emptied = layerOf({ query: 'the dog', prompts: [beside] }, nothing, undone);
  assert.equal(outcomeSentence(emptied), 'the dog, box taken back: nothing is left of the mask.');
  assert.equal(summary(emptied), 'not here');
  assert.equal(verdict(emptied.answer), 'Nothing is left of the mask.');
});

test('an object without words is found where it was pointed to, or has no mask yet', () => {
  const layer = layerOf({ prompts: [{ points: [{ x: 1, y: 2, label: 1 }] }] }, { label: undefined } as object);
  assert.equal(outcomeSentence(layer), 'Object 1: found an object, 12 % of the photo.');
  assert.equal(verdict(layer.answer), 'Found where you pointed.');
  assert.match(outcomeSentence({ ...layer, answer: undefined, change: 'point beside it added' }), /no mask yet/);
});

test('a failure is announced with its reason', () => {
  const layer = { ...layerOf({ query: 'a' }, {}), state: { kind: 'failed', reason: 'It is away.' } } as const;
  assert.deepEqual([outcomeSentence(layer), summary(layer)], ['a: It is away.', 'failed']);
});
