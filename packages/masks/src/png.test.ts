import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import sharp from 'sharp';
import { createMask, type BinaryMask } from './binary-mask.js';
import { anyMask } from './mask-arbitraries.js';
import { encodePng } from './png.js';

async function assertDecodesTo(mask: BinaryMask): Promise<void> {
  const { data, info } = await sharp(encodePng(mask)).toColourspace('b-w').raw().toBuffer({ resolveWithObject: true });
  assert.deepEqual([info.height, info.width, info.channels], [mask.height, mask.width, 1]);
  assert.deepEqual(
    new Uint8Array(data),
    mask.data.map((pixel) => pixel * 255),
  );
}

describe('PNG', () => {
  it('is one bit of grey a pixel', async () => {
    const { format, channels, space, bitsPerSample } = await sharp(encodePng(createMask(3, 5))).metadata();
    assert.deepEqual(
      { format, channels, space, bitsPerSample },
      {
        format: 'png',
        channels: 1,
        space: 'b-w',
        bitsPerSample: 1,
      },
    );
  });

  it('decodes to the mask', async () => {
    await fc.assert(fc.asyncProperty(anyMask, assertDecodesTo), { numRuns: 200 });
  });

  it('decodes to the mask at every width around a byte', async () => {
    for (let width = 1; width <= 17; width++) {
      const mask = createMask(2, width);
      mask.data.forEach((_, index) => (mask.data[index] = index % 3 === 0 ? 1 : 0));
      await assertDecodesTo(mask);
    }
  });
});
