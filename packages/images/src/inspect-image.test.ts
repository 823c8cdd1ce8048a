import { TesseraError } from '@tessera/contracts';
import fc from 'fast-check';
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Sharp } from 'sharp';

import { decodeImage } from './fixtures/decode-image.js';
import { decodeAccepted } from './fixtures/both-readers.js';
import { errorWith } from './fixtures/errors.js';
import { formats, frames, manyFrames, noise, scene } from './fixtures/images.js';
import { blackPng } from './fixtures/png.js';
import { defaultImageLimits } from './image-limits.js';
import { inspectImage } from './inspect-image.js';

const latin1 = (text: string) => Buffer.from(text, 'latin1');

describe('inspectImage', () => {
  for (const format of formats) {
    it(`reads format and size of ${format}`, async () => {
      const bytes = await noise(60, 40).toFormat(format).toBuffer();
      assert.deepEqual(inspectImage(bytes), { format, width: 60, height: 40 });
    });
  }

  const encoders = {
    'progressive JPEG': () => noise(61, 41).jpeg({ progressive: true }),
    'lossless WebP': () => noise(61, 41).webp({ lossless: true }),
    'WebP with alpha': () => noise(61, 41).ensureAlpha(0.5).webp(),
    'AVIF with alpha': () => noise(61, 41).ensureAlpha(0.5).avif(),
    'AVIF of several tiles': () => scene(1400, 900).avif({ effort: 0 }),
    'BigTIFF in strips': () => noise(61, 41).tiff({ bigtiff: true, compression: 'lzw' }),
    'tiled TIFF': () => noise(61, 41).tiff({ tile: true, tileWidth: 16, tileHeight: 16 }),
    'GIF with a transparent colour': () => noise(61, 41).ensureAlpha(0).gif(),
  };
  for (const [name, encode] of Object.entries(encoders)) {
    it(`reads the size of a ${name} as the decoder does`, async () => {
      await decodeAccepted(await encode().toBuffer());
    });
  }

  for (const format of formats) {
    it(`reads the size of a ${format} of every orientation as the decoder does`, async () => {
      for (let orientation = 1; orientation <= 8; orientation++) {
        const { width, height } = await decodeAccepted(
          await noise(6, 4).withMetadata({ orientation }).toFormat(format).toBuffer(),
        );
        assert.equal(width < height, orientation > 4 && format !== 'gif');
      }
    });
  }

  it('reads the size of a turned animation, of a BigTIFF and of a JPEG with several orientations', async () => {
    const two = frames(6, 4, [
      [255, 0, 0],
      [0, 255, 0],
    ]);
    const turned = async (pipeline: Sharp) => pipeline.withMetadata({ orientation: 6 }).toBuffer();
    const jpeg = await turned(noise(6, 4).jpeg());
    const upright = await noise(6, 4).withMetadata({ orientation: 1 }).jpeg().toBuffer();
    const [exifEnd, uprightExifEnd] = [jpeg, upright].map((bytes) => 4 + bytes.readUInt16BE(4));
    const bytes = [
      await turned(two.clone().webp()),
      await turned(noise(6, 4).tiff({ bigtiff: true })),
      Buffer.concat([upright.subarray(0, uprightExifEnd), jpeg.subarray(2)]),
      Buffer.concat([jpeg.subarray(0, exifEnd), upright.subarray(2)]),
    ];
    const sizes = await Promise.all(bytes.map(async (each) => (await decodeAccepted(each)).width));
    assert.deepEqual(sizes, [4, 4, 6, 4]);
  });

  for (const format of ['gif', 'webp', 'tiff'] as const) {
    it(`gives the size of the first frame of a ${format} with several`, async () => {
      const colours = [
        [255, 0, 0],
        [0, 255, 0],
        [0, 0, 255],
      ] as const;
      const bytes = await frames(40, 30, colours).toFormat(format).toBuffer();
      assert.deepEqual(inspectImage(bytes), { format, width: 40, height: 30 });
    });
  }

  it('rejects a small file with many pixels, with the numbers', async () => {
    const bytes = blackPng(16_000, 16_000);
    assert.ok(bytes.length < 32_000, `${bytes.length} bytes`);
    const residentBefore = process.memoryUsage.rss();
    assert.throws(() => inspectImage(bytes), errorWith('TSR_IMAGE_TOO_LARGE', /16000 × 16000 = 256\.0 .* 40\.0 /));
    await assert.rejects(decodeImage(bytes), errorWith('TSR_IMAGE_TOO_LARGE'));
    assert.ok(process.memoryUsage.rss() - residentBefore < 100e6, 'pixels were decoded');
  });

  it('counts the pixels of the limit as allowed', () => {
    const bytes = blackPng(100, 50);
    const header = inspectImage(bytes, { ...defaultImageLimits, maxPixels: 5_000 });
    assert.deepEqual(header, { format: 'png', width: 100, height: 50 });
    assert.throws(
      () => inspectImage(bytes, { ...defaultImageLimits, maxPixels: 4_999 }),
      errorWith('TSR_IMAGE_TOO_LARGE'),
    );
  });

  it('rejects a side that is too long although the pixels are few', () => {
    assert.throws(() => inspectImage(blackPng(1, 65_536)), errorWith('TSR_IMAGE_TOO_LARGE', /65535/));
    assert.equal(inspectImage(blackPng(1, 65_535)).height, 65_535);
  });

  const unsupported: Record<string, Uint8Array> = {
    SVG: latin1('<?xml version="1.0"?><!-- c --><svg xmlns="http://www.w3.org/2000/svg"/>'),
    HEIC: latin1('\0\0\0\x18ftypheic\0\0\0\0mif1heic'),
    'video \\(ISO media\\)': latin1('\0\0\0\x18ftypisom\0\0\x02\0isommp41'),
    'video \\(Matroska': latin1('\x1a\x45\xdf\xa3\x9fB\x86\x81\x01'),
    'video \\(AVI\\)': latin1('RIFF\0\0\0\0AVI LIST'),
    PDF: latin1('%PDF-1.7\n'),
    BMP: latin1('BM\x46\0\0\0\0\0\0\0'),
    ICO: latin1('\0\0\x01\0\x01\0'),
    Photoshop: latin1('8BPS\0\x01'),
    OpenEXR: latin1('\x76\x2f\x31\x01\x02'),
    'JPEG XL': latin1('\xff\x0a\xfa\x7f'),
    'JPEG 2000': latin1('\0\0\0\x0cjP  \r\n\x87\n'),
    'ZIP archive': latin1('PK\x03\x04\x14'),
    gzip: latin1('\x1f\x8b\x08'),
    HTML: latin1('<!DOCTYPE html><html></html>'),
    'no known image format': latin1('just some text'),
  };
  for (const [name, bytes] of Object.entries(unsupported)) {
    it(`refuses ${name.replaceAll('\\', '')} by name`, () => {
      assert.throws(() => inspectImage(bytes), errorWith('TSR_IMAGE_FORMAT_UNSUPPORTED', new RegExp(name)));
    });
  }

  it('says that no bytes are no image', () => {
    assert.throws(() => inspectImage(new Uint8Array(0)), errorWith('TSR_IMAGE_CORRUPT', /empty/));
  });

  it('calls a file corrupt that only starts like an image', async () => {
    for (const format of formats) {
      const bytes = (await noise(60, 40).toFormat(format).toBuffer()).subarray(0, 20);
      assert.throws(() => inspectImage(bytes), errorWith('TSR_IMAGE_CORRUPT'), format);
    }
  });

  it('is not slowed down by millions of blocks without pixels', () => {
    const png = blackPng(8, 8);
    const chunk = Buffer.from('000000006161616100000000', 'hex');
    const chunks = Buffer.concat([png.subarray(0, 33), Buffer.alloc(24_000_000, chunk), png.subarray(33)]);
    const fillBytes = Buffer.alloc(24_000_000, 0xff);
    fillBytes[1] = 0xd8;
    const start = performance.now();
    assert.deepEqual(inspectImage(chunks), { format: 'png', width: 8, height: 8 });
    assert.throws(() => inspectImage(fillBytes), errorWith('TSR_IMAGE_CORRUPT'));
    assert.ok(performance.now() - start < 300, `${performance.now() - start} ms`);
  });

  it('is not slowed down by many frames', { timeout: 20_000 }, async () => {
    for (const [format, bytes] of Object.entries(await manyFrames(8_000_000))) {
      const start = performance.now();
      assert.deepEqual(inspectImage(bytes), { format, width: 2, height: 2 });
      const image = await decodeImage(bytes);
      assert.deepEqual(Array.from(image.data.subarray(0, 3)), [255, 0, 0], format);
      assert.ok(performance.now() - start < 2_000, `${performance.now() - start} ms for ${format}`);
    }
  });

  for (const format of formats) {
    it(`survives ${format} files with damaged bytes`, { timeout: 30_000 }, async () => {
      const valid = await noise(24, 16).toFormat(format).toBuffer();
      const position = fc.oneof(fc.nat(Math.min(valid.length, 128) - 1), fc.nat(valid.length - 1));
      const mutation = fc.record({ position, value: fc.nat(255) });
      const property = fc.asyncProperty(
        fc.array(mutation, { minLength: 1, maxLength: 6 }),
        fc.nat(valid.length),
        async (mutations, cut) => {
          const hostile = Buffer.from(cut % 4 === 0 ? valid.subarray(0, cut) : valid);
          for (const { position: index, value } of mutations) if (index < hostile.length) hostile[index] = value;
          const limits = { ...defaultImageLimits, maxPixels: 1_000_000 };
          try {
            inspectImage(hostile, limits);
            const { width, height, data } = await decodeImage(hostile, limits);
            assert.equal(data.length, width * height * 3);
            assert.ok(width * height <= limits.maxPixels);
          } catch (error) {
            if (!TesseraError.isInstance(error)) throw error;
          }
        },
      );
      await fc.assert(property, { numRuns: 150 });
    });
  }
});
