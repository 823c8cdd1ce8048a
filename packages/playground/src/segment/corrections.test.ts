import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerPrompts, namesAnObject, objectPrompt, type Correction } from './corrections.js';

const on = (x: number, y: number): Correction => ({ kind: 'point', x, y, label: 1 });
const beside = (x: number, y: number): Correction => ({ kind: 'point', x, y, label: 0 });
const box = (...sides: [number, number, number, number]): Correction => ({ kind: 'box', box: sides });

test('corrections of one object are one prompt, with the last box', () => {
  assert.deepEqual(objectPrompt([on(1, 2), box(0, 0, 5, 5), beside(3, 4), box(1, 1, 8, 8)]), {
    box: [1, 1, 8, 8],
    points: [
      { x: 1, y: 2, label: 1 },
      { x: 3, y: 4, label: 0 },
    ],
  });
});

test('an object is named by a box or a point on it', () => {
  assert.equal(namesAnObject([beside(1, 1)]), false);
  assert.equal(namesAnObject([beside(1, 1), on(2, 2)]), true);
  assert.equal(namesAnObject([box(0, 0, 3, 3)]), true);
});

test('of an answer, every box and point on an object is a prompt; points beside go with the nearest point', () => {
  assert.deepEqual(answerPrompts([on(10, 10), beside(90, 95), on(100, 100), box(0, 0, 5, 5)]), [
    { points: [{ x: 10, y: 10, label: 1 }] },
    {
      points: [
        { x: 100, y: 100, label: 1 },
        { x: 90, y: 95, label: 0 },
      ],
    },
    { box: [0, 0, 5, 5] },
  ]);
});

test('points beside objects alone are prompts of their own', () => {
  assert.deepEqual(answerPrompts([beside(1, 2), beside(3, 4)]), [
    { points: [{ x: 1, y: 2, label: 0 }] },
    { points: [{ x: 3, y: 4, label: 0 }] },
  ]);
});
