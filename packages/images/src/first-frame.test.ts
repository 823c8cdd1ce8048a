import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { decodeImage } from './fixtures/decode-image.js';
import { keepFirstFrame } from './first-frame.js';
import { errorWith } from './fixtures/errors.js';
import { formats, frames, noise } from './fixtures/images.js';
import { inspectImage } from './inspect-image.js';
import { sharp } from './sharp-library.js';

const colours = [
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
] as const;

describe('keepFirstFrame', () => {
  for (const format of formats) {
    it(`leaves a ${format} with one frame as it is`, async () => {
      const bytes = await noise(20, 10).toFormat(format).toBuffer();
      assert.equal(keepFirstFrame(bytes, format), bytes);
    });
  }

  const encoders = {
    gif: () => frames(20, 10, colours).gif(),
    webp: () => frames(20, 10, colours).webp(),
    tiff: () => frames(20, 10, colours).tiff({ compression: 'lzw' }),
    bigTiff: () => frames(20, 10, colours).tiff({ compression: 'lzw', bigtiff: true }),
  };
  for (const [name, encode] of Object.entries(encoders)) {
    it(`keeps the first of several frames of a ${name} unchanged`, async () => {
      const bytes = await encode().toBuffer();
      const before = Buffer.from(bytes);
      const kept = keepFirstFrame(bytes, name === 'bigTiff' ? 'tiff' : (name as 'gif' | 'webp' | 'tiff'));
      assert.equal((await sharp(bytes).metadata()).pages, 3);
      assert.equal((await sharp(kept).metadata()).pages ?? 1, 1);
      assert.deepEqual(await sharp(kept).raw().toBuffer(), await sharp(bytes).raw().toBuffer());
      assert.deepEqual(bytes, before, 'the input is not written to');
    });
  }

  it('keeps the orientation of an animated WebP, which stands after the frames', async () => {
    const bytes = await frames(20, 10, colours).withMetadata({ orientation: 6 }).webp().toBuffer();
    assert.ok(bytes.indexOf('EXIF') > bytes.lastIndexOf('ANMF'));
    const { width, height } = await decodeImage(bytes);
    assert.deepEqual([width, height], [10, 20]);
  });

  it('accepts a GIF without its trailer', async () => {
    const bytes = await frames(20, 10, colours).gif().toBuffer();
    assert.deepEqual(inspectImage(bytes.subarray(0, -1)), { format: 'gif', width: 20, height: 10 });
  });

  for (const format of ['gif', 'webp'] as const) {
    it(`refuses an animated ${format} that is cut off, even behind its first frame`, async () => {
      const bytes = await frames(20, 10, colours).toFormat(format).toBuffer();
      const cut = bytes.subarray(0, bytes.length - 5);
      assert.throws(() => keepFirstFrame(cut, format), errorWith('TSR_IMAGE_CORRUPT', /truncated/));
    });
  }
});
