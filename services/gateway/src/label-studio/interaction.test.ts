import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkPromptsAlone, checkPromptsInside, TesseraError, type ContextRegion } from '@tessera/contracts';
import fc from 'fast-check';
import { checkPoints, readInteraction } from './interaction.js';

const size = { width: 200, height: 100 };
const point = (x: number, y: number, isPositive?: boolean | number, label = 'Dog'): ContextRegion => ({
  type: 'keypointlabels',
  ...(isPositive === undefined ? {} : { is_positive: isPositive }),
  // The width is that of the dot.
  value: { x, y, width: 0.3, keypointlabels: [label] },
});
const box = (value: ContextRegion['value'], label = 'Dog'): ContextRegion => ({
  type: 'rectanglelabels',
  value: { ...value, rectanglelabels: [label] },
});
const promptOf = (...regions: ContextRegion[]) => readInteraction(regions, size).prompts[0]?.prompt;

describe('what an annotator draws', () => {
  it('is in pixels, points and box of a label together', () => {
    assert.deepEqual(
      readInteraction(
        [point(50, 50), box({ x: 10, y: 20, width: 40, height: 60 }), point(1, 2, false), point(3, 4, 0)],
        size,
      ),
      {
        texts: [],
        prompts: [
          {
            label: 'Dog',
            prompt: {
              box: [20, 20, 80, 60],
              points: [
                { x: 100, y: 50, label: 1 },
                { x: 2, y: 2, label: 0 },
                { x: 6, y: 4, label: 0 },
              ],
            },
          },
        ],
      },
    );
  });

  it('is a prompt per label, and texts are texts', () => {
    const drawn = [
      point(1, 1, 1, 'Dog'),
      box({ x: 0, y: 0, width: 10, height: 10 }, 'Cat'),
      { type: 'textarea', value: { text: ['the dog ', ' '] } },
      { type: 'textarea', value: { text: 'a cat' } },
      { type: 'keypoint', value: { x: 1, y: 1 } },
    ];
    const { texts, prompts } = readInteraction(drawn, size);
    assert.deepEqual(texts, ['the dog', 'a cat']);
    assert.deepEqual(
      prompts.map(({ label }) => label),
      ['Dog', 'Cat', ''],
    );
  });

  it('is cut to the image', () => {
    assert.deepEqual(promptOf(box({ x: -10, y: 50, width: 200, height: 100 })), { box: [0, 50, 200, 50] });
    const [corner] = promptOf(point(100, 120))?.points ?? [];
    assert.ok(corner && corner.x < 200 && corner.y < 100);
    assert.equal(promptOf(box({ x: 110, y: 0, width: 10, height: 10 })), undefined);
    assert.equal(promptOf(box({ x: 10, y: 0, width: 0, height: 10 })), undefined);
    assert.equal(promptOf(point(1, 1, false)), undefined, 'nothing shows the object');
  });

  it('is the box around a rectangle that is turned', () => {
    const [x = 0, y = 0, width = 0, height = 0] =
      promptOf(box({ x: 50, y: 10, width: 10, height: 20, rotation: 90 }))?.box ?? [];
    assert.deepEqual([x, y, width, height].map(Math.round), [80, 10, 20, 20]);
  });

  it('is a prompt that a job takes, whatever it is', () => {
    const percent = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    const regions = fc.record({
      type: fc.constantFrom('keypointlabels', 'rectanglelabels', 'rectangle', 'other'),
      is_positive: fc.boolean(),
      value: fc.record({ x: percent, y: percent, width: percent, height: percent, rotation: percent }),
    });
    fc.assert(
      fc.property(fc.array(regions, { maxLength: 100 }), (drawn) => {
        const prompts = readInteraction(drawn, size).prompts.map(({ prompt }) => prompt);
        checkPromptsAlone(prompts.filter(({ box, points }) => box === undefined && (points?.length ?? 0) < 64));
        checkPromptsInside(prompts, size);
        for (const [, , width, height] of prompts.flatMap(({ box }) => (box === undefined ? [] : [box])))
          assert.ok(width > 0 && height > 0);
      }),
    );
  });
});

describe('checkPoints', () => {
  it('takes points in the image, and boxes that reach beyond it', () => {
    checkPoints([point(0, 100), box({ x: -5, y: 90, width: 40, height: 40 })], '/result');
  });

  it('refuses points beside the image, which would be clicks at its border', () => {
    assert.throws(
      () => {
        checkPoints([point(50, 50), point(150, -10)], '/result');
      },
      (error) => {
        assert.ok(TesseraError.isInstance(error) && error.code === 'TSR_VALIDATION');
        assert.deepEqual(
          error.fields.map(({ pointer }) => pointer),
          ['/result/1/value/x', '/result/1/value/y'],
        );
        return true;
      },
    );
  });
});
