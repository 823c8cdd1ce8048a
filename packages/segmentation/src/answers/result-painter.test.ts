import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defaultImageLimits } from '@tessera/images';
import type { Box } from '../vision/box.js';
import { ImageReader } from '../vision/request-image.js';
import type { ChosenObject } from './choice.js';
import { RefinedMasks } from './refined-masks.js';
import { ResultPainter } from './result-painter.js';

const size = { width: 40, height: 20, scaledWidth: 40, scaledHeight: 20 };
const found = (box: Box, label: string): ChosenObject => ({ prompt: { box }, probability: 0.9, label });

/** Draws coarse shapes that fill their boxes nearly. */
async function paint(objects: readonly ChosenObject[], excluded: readonly ChosenObject[]) {
  const sizes = { square: 1, longestSide: 40, limits: defaultImageLimits };
  const image = new ImageReader(sizes).open({ id: 'none', read: () => Promise.reject(new Error('not read')) });
  const decoder = { decode: () => Promise.resolve([]) };
  const [masks] = await RefinedMasks.decode(decoder, image, [[]], 0);
  assert.ok(masks);
  const painter = new ResultPainter(image, size, { exponent: 100, isRefined: false, output: { instances: true } });
  const about = { query: 'anything but the cars' };
  const [result] = await painter.results([{ about, score: 0.9, objects, excluded, masks, warnings: [] }]);
  assert.ok(result?.instances);
  return { ...result, instances: result.instances };
}

describe('what a query excludes', () => {
  const left = found([0, 0, 0.5, 1], 'dog');
  const right = found([0.5, 0, 1, 1], 'cat');

  it('is taken out of each object, and one that keeps nothing is no instance', async () => {
    const cars = [found([0.4, 0, 1, 1], 'car')];
    const { present, score, label, instances, bbox } = await paint([left, right], cars);
    assert.deepEqual([present, score, label], [true, 0.9, 'dog']);
    assert.deepEqual(
      instances.map((instance) => instance.label),
      ['dog'],
    );
    const [dog] = instances;
    assert.ok(dog && dog.area > 0 && bbox[2] <= 17);
    assert.deepEqual(dog.bbox, bbox);
  });

  it('leaves no edges of an object that it covers nearly', async () => {
    const { label } = await paint([left, right], [found([0.51, 0, 1, 1], 'car')]);
    assert.equal(label, 'dog');
  });

  it('leaves nothing when it covers every object', async () => {
    const { present, score, instances, area } = await paint([left, right], [found([0, 0, 1, 1], 'car')]);
    assert.deepEqual([present, score, instances, area], [false, 0, [], 0]);
  });
});
