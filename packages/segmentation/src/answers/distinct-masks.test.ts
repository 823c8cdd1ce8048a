import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Box } from '../vision/box.js';
import type { DecodedMask } from '../vision/mask-decoder.js';
import type { ChosenObject } from './choice.js';
import { withoutDoubles } from './distinct-masks.js';

const side = 32;

/** A mask that fills a box of shares; the image is as high as it is wide. */
function maskOf([x0, y0, x1, y1]: Box): DecodedMask {
  const data = new Float32Array(side * side).fill(-1);
  for (let y = y0 * side; y < y1 * side; y += 1) data.fill(1, y * side + x0 * side, y * side + x1 * side);
  return { data, side, imageWidth: 1, imageHeight: 1, iou: 1 };
}

function object(box: Box, label: string): ChosenObject {
  return { prompt: { box }, probability: 0.9, label };
}

/** Which objects remain when their masks fill these boxes. */
function kept(objects: readonly ChosenObject[], masks: readonly (Box | undefined)[]): (string | undefined)[] {
  const own = new Map(objects.map(({ prompt }, index) => [prompt, masks[index]]));
  const decoded = (prompt: ChosenObject['prompt']) => {
    const box = own.get(prompt);
    return box && maskOf(box);
  };
  return withoutDoubles(objects, { get: decoded }).map(({ label }) => label);
}

describe('objects with one mask', () => {
  const cup: Box = [0.25, 0.25, 0.75, 0.75];
  const withSaucer: Box = [0.25, 0.25, 0.75, 0.875];
  const wide: Box = [0.125, 0.25, 0.875, 0.875];

  it('are one, the better one, whatever the detector calls them', () => {
    const objects = [object(cup, 'cup'), object(wide, 'bowl')];
    assert.deepEqual(kept(objects, [cup, withSaucer]), ['cup']);
  });

  it('are several when their masks or their boxes differ', () => {
    const objects = [object(cup, 'cup'), object(wide, 'table')];
    assert.deepEqual(kept(objects, [cup, wide]), ['cup', 'table']);
    const apart = [object([0, 0, 0.25, 0.25], 'left'), object([0.75, 0.75, 1, 1], 'right')];
    assert.deepEqual(kept(apart, [cup, cup]), ['left', 'right']);
  });

  it('stay when a client pointed to them, and when their masks are coarse', () => {
    const clicked: ChosenObject = { prompt: { box: cup }, probability: undefined, label: 'clicked' };
    assert.deepEqual(kept([object(wide, 'cup'), clicked], [cup, cup]), ['cup', 'clicked']);
    assert.deepEqual(kept([object(cup, 'cup'), object(wide, 'bowl')], [cup, undefined]), ['cup', 'bowl']);
  });
});
