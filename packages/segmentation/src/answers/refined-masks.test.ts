import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defaultImageLimits } from '@tessera/images';
import type { MaskPrompt } from '../vision/mask-prompt.js';
import { ImageReader } from '../vision/request-image.js';
import { promptsToRefine, RefinedMasks } from './refined-masks.js';

const box = (x0: number): MaskPrompt => ({ box: [x0, 0, 1, 1] });
const [first, second, third] = [box(0), box(0.1), box(0.2)];
const objects = (...found: (readonly [MaskPrompt, number | undefined])[]) =>
  found.map(([prompt, probability]) => ({ prompt, probability }));
const refined = (answer: Parameters<typeof promptsToRefine>[0], limit: number) => [
  ...promptsToRefine(answer, limit).values(),
];

describe('promptsToRefine', () => {
  it('takes the best objects up to the limit', () => {
    const crowd = objects([first, 0.99], [second, 0.98], [third, 0.97]);
    assert.deepEqual(refined(crowd, 2), [first, second]);
    assert.deepEqual(refined(crowd, 5), [first, second, third]);
    assert.deepEqual(refined(objects(), 3), []);
  });

  it('takes what a client pointed to whatever the limit is', () => {
    const clicked: MaskPrompt = { points: [{ x: 0.5, y: 0.5, isOnObject: true }] };
    const corrected: MaskPrompt = { ...third, ...clicked };
    const answer = objects([first, 0.9], [corrected, 0.8], [clicked, undefined]);
    assert.deepEqual(refined(answer, 0), [corrected, clicked]);
    assert.deepEqual(refined(answer, 1), [first, corrected, clicked]);
  });
});

describe('RefinedMasks.decode', () => {
  it('decodes what answers have in common once, and gives none of them more than alone', async () => {
    const decoded: MaskPrompt[] = [];
    const decoder = {
      decode: (_: unknown, prompts: readonly MaskPrompt[]) => {
        decoded.push(...prompts);
        const shape = { data: new Float32Array(1), side: 1, imageWidth: 1, imageHeight: 1 };
        return Promise.resolve(prompts.map(({ box: corners }) => ({ ...shape, iou: corners?.[0] ?? 0 })));
      },
    };
    const sizes = { square: 1, longestSide: 1, limits: defaultImageLimits };
    const image = new ImageReader(sizes).open({ id: 'none', read: () => Promise.reject(new Error('not read')) });
    const crowd = objects([first, 0.99], [second, 0.98], [third, 0.97]);
    const others = objects([third, 0.9], [first, 0.8]);
    const [own, theirs] = await RefinedMasks.decode(decoder, image, [crowd, others], 2);
    assert.deepEqual(decoded, [first, second, third]);
    const scores = (masks: RefinedMasks | undefined) => [first, second, third].map((prompt) => masks?.get(prompt)?.iou);
    assert.deepEqual(
      [scores(own), scores(theirs)],
      [
        [0, 0.1, undefined],
        [0, undefined, 0.2],
      ],
    );
  });

  it('takes the masks that the choice needed, unless a client added points', async () => {
    const shape = { data: new Float32Array(1), side: 1, imageWidth: 1, imageHeight: 1 };
    const decoded: MaskPrompt[] = [];
    const decoder = {
      decode: (_: unknown, prompts: readonly MaskPrompt[]) => {
        decoded.push(...prompts);
        return Promise.resolve(prompts.map(() => ({ ...shape, iou: 0.1 })));
      },
    };
    const sizes = { square: 1, longestSide: 1, limits: defaultImageLimits };
    const image = new ImageReader(sizes).open({ id: 'none', read: () => Promise.reject(new Error('not read')) });
    const known: MaskPrompt = { embeddings: new Float32Array(256).fill(1) };
    const corrected: MaskPrompt = { ...known, points: [{ x: 0.5, y: 0.5, isOnObject: true }] };
    const answers = [known, corrected].map((prompt) => [{ prompt, probability: 0.9, mask: { ...shape, iou: 0.8 } }]);
    const [own, changed] = await RefinedMasks.decode(decoder, image, answers, 1);
    assert.deepEqual(decoded, [corrected]);
    assert.deepEqual([own?.get(known)?.iou, changed?.get(corrected)?.iou], [0.8, 0.1]);
  });
});
