import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Box } from '../vision/box.js';
import type { MaskPrompt, PromptPoint } from '../vision/mask-prompt.js';
import type { ChosenObject } from './choice.js';
import { correctObjects, maskPrompt } from './corrections.js';

const found = (...box: Box): ChosenObject => ({ prompt: { box }, probability: 0.9 });
const on = (x: number, y: number): PromptPoint => ({ x, y, isOnObject: true });
const beside = (x: number, y: number): PromptPoint => ({ x, y, isOnObject: false });
const left = found(0, 0, 0.4, 0.8);
const right = found(0.6, 0, 1, 0.8);
const inner = found(0.1, 0.1, 0.3, 0.3);
const prompts = (objects: readonly ChosenObject[]): MaskPrompt[] => objects.map(({ prompt }) => prompt);

describe('maskPrompt', () => {
  it('turns pixels into shares of the image', () => {
    const points = [
      { x: 50, y: 20, label: 1 as const },
      { x: 0, y: 0, label: 0 as const },
    ];
    assert.deepEqual(maskPrompt({ box: [10, 20, 30, 40], points }, { width: 100, height: 200 }), {
      box: [0.1, 0.1, 0.4, 0.3],
      points: [on(0.5, 0.1), beside(0, 0)],
    });
    assert.deepEqual(maskPrompt({ box: [0, 0, 100, 200] }, { width: 100, height: 200 }), { box: [0, 0, 1, 1] });
  });
});

describe('correctObjects', () => {
  it('leaves the objects as they are without prompts', () => {
    assert.deepEqual(correctObjects([left, right], []), [left, right]);
  });

  it('gives a point on an object to the smallest box around it', () => {
    const point = on(0.2, 0.2);
    assert.deepEqual(correctObjects([left, right, inner], [{ points: [point] }]), [
      left,
      right,
      { ...inner, prompt: { ...inner.prompt, points: [point] } },
    ]);
  });

  it('makes a new object of the points of a prompt that are on none', () => {
    const points = [on(0.5, 0.9), on(0.5, 0.95)];
    const objects = correctObjects([left], [{ points: [...points, on(0.2, 0.5)] }, { points: [on(0.9, 0.9)] }]);
    assert.deepEqual(prompts(objects), [
      { ...left.prompt, points: [on(0.2, 0.5)] },
      { points },
      { points: [on(0.9, 0.9)] },
    ]);
    assert.deepEqual(
      objects.map(({ probability }) => probability),
      [0.9, undefined, undefined],
    );
  });

  it('gives a point beside an object to every box around it, and to the new object of its prompt', () => {
    const point = beside(0.2, 0.2);
    const objects = correctObjects([left, inner], [{ points: [point, on(0.5, 0.9)] }]);
    assert.deepEqual(prompts(objects), [left.prompt, inner.prompt, { points: [on(0.5, 0.9)] }]);
    for (const { beside: own } of objects) assert.deepEqual(own, [point]);
  });

  it('ignores points beside objects where nothing was found', () => {
    const point = beside(0.5, 0.9);
    assert.deepEqual(correctObjects([left], [{ points: [point, point] }]), [left]);
    assert.deepEqual(correctObjects([], [{ points: [point] }]), []);
    const [inLeft] = correctObjects([left], [{ points: [beside(0.2, 0.2), point] }]);
    assert.deepEqual(inLeft, { ...left, beside: [beside(0.2, 0.2)] });
  });

  it('puts a box, with its points, in the place of what was found in nearly the same one', () => {
    const prompt: MaskPrompt = { box: [0.02, 0, 0.42, 0.8], points: [beside(0.7, 0.3)] };
    const { points, ...boxOnly } = prompt;
    assert.deepEqual(correctObjects([left, right], [prompt]), [
      right,
      { prompt: boxOnly, probability: undefined, beside: points },
    ]);
  });

  it('gives every point to an object that was found without a box', () => {
    const described: ChosenObject = { prompt: { embeddings: new Float32Array(256) }, probability: 0.9 };
    const points = [on(0.2, 0.2), beside(0.9, 0.9)];
    assert.deepEqual(correctObjects([described], [{ points }]), [
      { ...described, prompt: { ...described.prompt, points: points.slice(0, 1) }, beside: points.slice(1) },
    ]);
  });
});
