import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defaultImageLimits } from '@tessera/images';
import sharp from 'sharp';
import type { DecodedMask } from '../vision/mask-decoder.js';
import type { MaskPrompt, PromptPoint } from '../vision/mask-prompt.js';
import { ImageReader } from '../vision/request-image.js';
import type { ChosenObject } from './choice.js';
import { excludePoints } from './excluded-points.js';
import { RefinedMasks } from './refined-masks.js';

const side = 4;
const sizes = { square: 8, longestSide: 8, limits: defaultImageLimits };
const photo = await sharp({ create: { width: side, height: side, channels: 3, background: 'white' } })
  .png()
  .toBuffer();
const image = new ImageReader(sizes).open({ id: 'square', read: () => Promise.resolve(photo) });

/** A mask of the rows, from the top, that are on the object. */
function rowsMask(rows: readonly number[]): DecodedMask {
  const data = Float32Array.from({ length: side * side }, (_, cell) =>
    rows.includes(Math.floor(cell / side)) ? 1 : -1,
  );
  return { data, side, imageWidth: 1, imageHeight: 1, iou: 0.9 };
}

const inRow = (row: number): PromptPoint => ({ x: 0.5, y: (row + 0.5) / side, isOnObject: false });

type DrawnRows = readonly (readonly number[])[];

/** What points leave of an object, given the rows that the decoder finds with 0, 1, 2 … of them. */
async function excluded(drawn: DrawnRows, beside: readonly PromptPoint[]) {
  const decoder = {
    decode: (_: unknown, prompts: readonly MaskPrompt[]) =>
      Promise.resolve(prompts.map(({ points = [] }) => rowsMask(drawn[points.length] ?? []))),
  };
  const object: ChosenObject = { prompt: { box: [0, 0, 1, 1] }, probability: 0.9, beside };
  const [masks] = await RefinedMasks.decode(decoder, image, [[object]], 1);
  assert.ok(masks);
  return excludePoints(decoder, image, { objects: [object], masks });
}

async function rowsLeft(drawn: DrawnRows, beside: readonly PromptPoint[]): Promise<number[]> {
  const { objects, masks: left } = await excluded(drawn, beside);
  const data = objects.flatMap(({ prompt }) => [...(left.get(prompt)?.data ?? [])]);
  return [0, 1, 2, 3].filter((row) => (data[row * side] ?? -1) > 0);
}

describe('excludePoints', () => {
  it('draws an object again without the part that a point is on', async () => {
    assert.deepEqual(
      await rowsLeft(
        [
          [0, 1, 2],
          [0, 1],
        ],
        [inRow(2)],
      ),
      [0, 1],
    );
  });

  it('adds nothing that the object did not have before', async () => {
    assert.deepEqual(
      await rowsLeft(
        [
          [0, 1, 2],
          [0, 3],
        ],
        [inRow(2)],
      ),
      [0],
    );
    assert.deepEqual(
      await rowsLeft(
        [
          [0, 1, 2],
          [0, 1],
          [1, 2],
        ],
        [inRow(2), inRow(0)],
      ),
      [1],
    );
  });

  it('leaves a mask as it is that does not cover the point', async () => {
    assert.deepEqual(await rowsLeft([[0, 1], [3]], [inRow(3)]), [0, 1]);
  });

  it('takes an object out that still covers the point, whatever points follow', async () => {
    const drawn = [
      [0, 1, 2],
      [0, 1, 2],
      [0, 1],
      [0, 1, 2, 3],
    ];
    for (const count of [1, 2, 3]) {
      const points = Array.from({ length: count }, () => inRow(2));
      assert.deepEqual(await rowsLeft(drawn, points), [], `${count} points`);
    }
  });

  it('takes out an object of which nothing remains, or nothing was found', async () => {
    assert.deepEqual(await rowsLeft([[0, 1], [3]], [inRow(0)]), []);
    assert.deepEqual(await rowsLeft([[], [0]], [inRow(3)]), []);
  });

  it('names the points that took something away', async () => {
    const [first, again, off] = [inRow(2), inRow(2), inRow(3)];
    const redrawn = [
      [0, 1, 2],
      [0, 1],
    ];
    assert.deepEqual([...(await excluded(redrawn, [off, first, again])).used], [first]);
    assert.deepEqual([...(await excluded([[0, 1, 2]], [off, first, again])).used], [first], 'it takes the object out');
    assert.deepEqual([...(await excluded([[]], [off])).used], [off], 'an object without a mask goes with any point');
  });
});
