import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { assertRefused, decodeAccepted } from './fixtures/both-readers.js';
import { pixelAt } from './fixtures/pixels.js';

describe('files of the cases that failed', () => {
  const directory = new URL('../../../../shared/cases/', import.meta.url);
  const skip = existsSync(directory) ? false : '../shared/cases is not there';
  const read = (name: string) => readFileSync(new URL(name, directory));

  for (const name of [
    'grey-float32',
    'grey-float16',
    'grey-uint32',
    'rgb-int16',
    'rgb-float32-0-255',
    'grey-float64',
  ]) {
    it(`${name}.tiff is refused by its sample format`, { skip }, async () => {
      await assertRefused(read(`${name}.tiff`), /\d+-bit (unsigned integer|signed integer|floating-point) samples/);
    });
  }

  it('grey-uint8.tiff is its gradient', { skip }, async () => {
    const image = await decodeAccepted(read('grey-uint8.tiff'));
    assert.deepEqual([pixelAt(image, 0, 0)[0], pixelAt(image, 32, 24)[0], pixelAt(image, 63, 47)[0]], [0, 130, 255]);
  });

  it('two-frames.avif is refused', { skip }, async () => {
    await assertRefused(read('two-frames.avif'), /animated AVIF/);
  });

  it('partial-first-frame.gif is white where the frame is not', { skip }, async () => {
    const image = await decodeAccepted(read('partial-first-frame.gif'));
    assert.deepEqual([pixelAt(image, 0, 0), pixelAt(image, 119, 79), pixelAt(image, 90, 60)].map(String), [
      '255,255,255',
      '220,30,30',
      '220,30,30',
    ]);
  });
});
