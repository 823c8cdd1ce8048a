import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Box } from '../vision/box.js';
import { boxesToRefine } from './query-answers.js';

const box = (x0: number): Box => [x0, 0, 1, 1];
const [first, second, third, other] = [box(0), box(0.1), box(0.2), box(0.3)];
const choiceOf = (...objects: (readonly [Box, number])[]) => ({
  score: 1,
  objects: objects.map(([own, probability]) => ({ box: own, probability })),
  warnings: [],
});
const crowd = choiceOf([first, 0.99], [second, 0.98], [third, 0.97]);

describe('boxesToRefine', () => {
  it('gives every query its best object before a crowd gets the rest', () => {
    assert.deepEqual(boxesToRefine([crowd, choiceOf([other, 0.6])], 3), [first, other, second]);
    assert.deepEqual(boxesToRefine([choiceOf([other, 0.6]), crowd], 1), [first]);
  });

  it('counts what several queries ask for once', () => {
    assert.deepEqual(boxesToRefine([crowd, choiceOf([second, 0.7])], 3), [first, second, third]);
    assert.deepEqual(boxesToRefine([choiceOf()], 3), []);
  });
});
