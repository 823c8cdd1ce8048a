import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defaultImageLimits } from '@tessera/images';
import sharp from 'sharp';
import { planViews } from './image-views.js';
import { ImageReader } from './request-image.js';
import { StageClock } from '@tessera/runtime';
import { segmentStages } from '../segment-request.js';

const sizes = {
  views: (size: { width: number; height: number }) => planViews(size, { side: 512 }),
  longestSide: 1024,
  limits: defaultImageLimits,
};

async function picture(): Promise<Uint8Array> {
  const noise = { type: 'gaussian' as const, mean: 128, sigma: 60 };
  return await sharp({ create: { width: 300, height: 200, channels: 3, background: '#fff', noise } })
    .jpeg()
    .toBuffer();
}

describe('the image of a request', () => {
  for (const isEncoded of [true, false]) {
    it(`has the same views and encoder’s picture, ${isEncoded ? 'both at once' : 'one after the other'}`, async () => {
      const bytes = await picture();
      let reads = 0;
      const read = () => {
        reads += 1;
        return Promise.resolve(bytes);
      };
      const open = (options?: { isEncoded: boolean }) =>
        new ImageReader(sizes).open({ id: 'picture', read }, new StageClock(segmentStages), options);
      const image = open({ isEncoded });
      const [view] = await image.views();
      const scaled = await image.scaled();
      assert.equal(reads, isEncoded ? 1 : 2);
      assert.deepEqual([view?.pixels.width, scaled.width, scaled.height], [512, 1024, 683]);
      const size = { width: 300, height: 200, scaledWidth: 1024, scaledHeight: 683 };
      assert.deepEqual(await image.size(), size);

      const other = open();
      assert.deepEqual(await other.scaled(), scaled);
      assert.deepEqual((await other.views())[0], view);
    });
  }

  it('is decoded once for many who need it at once', async () => {
    const bytes = await picture();
    let reads = 0;
    const image = new ImageReader(sizes).open({
      id: 'picture',
      read: () => {
        reads += 1;
        return Promise.resolve(bytes);
      },
    });
    await Promise.all([image.views(), image.scaled(), image.size(), image.views(), image.scaled()]);
    assert.equal(reads, 1);
  });
});

describe('an image of a pipeline without views', () => {
  it('is decoded at the encoder’s size alone', async () => {
    const { longestSide, limits } = sizes;
    const image = new ImageReader({ longestSide, limits }).open({ id: 'a', read: picture });
    assert.deepEqual(await image.views(), []);
    assert.deepEqual(image.placesIn(await image.size()), []);
    const { width, height } = await image.scaled();
    assert.equal(Math.max(width, height), longestSide);
  });
});
