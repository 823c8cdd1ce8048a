import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MaskPrompt } from '../vision/mask-prompt.js';
import { promptsToRefine } from './refined-masks.js';

const box = (x0: number): MaskPrompt => ({ box: [x0, 0, 1, 1] });
const [first, second, third, other] = [box(0), box(0.1), box(0.2), box(0.3)];
const objects = (...found: (readonly [MaskPrompt, number | undefined])[]) =>
  found.map(([prompt, probability]) => ({ prompt, probability }));
const crowd = objects([first, 0.99], [second, 0.98], [third, 0.97]);
const refined = (answers: Parameters<typeof promptsToRefine>[0], limit: number) => [
  ...promptsToRefine(answers, limit).values(),
];

describe('promptsToRefine', () => {
  it('gives every query its best object before a crowd gets the rest', () => {
    assert.deepEqual(refined([crowd, objects([other, 0.6])], 3), [first, other, second]);
    assert.deepEqual(refined([objects([other, 0.6]), crowd], 1), [first]);
  });

  it('counts what several queries ask for once', () => {
    assert.deepEqual(refined([crowd, objects([box(0.1), 0.7])], 3), [first, second, third]);
    assert.deepEqual(refined([objects()], 3), []);
  });

  it('takes what a client pointed to whatever the limit is', () => {
    const clicked: MaskPrompt = { points: [{ x: 0.5, y: 0.5, isOnObject: true }] };
    const corrected: MaskPrompt = { ...third, ...clicked };
    const answers = [objects([first, 0.9], [corrected, 0.8], [clicked, undefined])];
    assert.deepEqual(refined(answers, 0), [corrected, clicked]);
    assert.deepEqual(refined(answers, 1), [corrected, clicked, first]);
  });
});
