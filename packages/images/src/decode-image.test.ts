import assert from 'node:assert/strict';
import { pbkdf2 } from 'node:crypto';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';

import { decodeForModels } from './decode-image.js';
import { decodeImage } from './fixtures/decode-image.js';
import type { PixelImage, ResizeTarget } from './decode-image.js';
import { errorWith } from './fixtures/errors.js';
import { formats, frames, noise, scene, solid } from './fixtures/images.js';
import { assertColour, pixelAt } from './fixtures/pixels.js';
import { blackPng } from './fixtures/png.js';
import { defaultImageLimits } from './image-limits.js';
import { sharp } from './sharp-library.js';

type Colour = readonly [number, number, number];

const modelTargets: ResizeTarget[] = [{ width: 512, height: 512, fit: 'fill' }, { longestSide: 1024 }];

function meanDifference(left: PixelImage, right: PixelImage): number {
  assert.deepEqual([left.width, left.height], [right.width, right.height]);
  const sum = left.data.reduce((total, value, index) => total + Math.abs(value - (right.data[index] ?? NaN)), 0);
  return sum / left.data.length;
}

describe('decodeImage', () => {
  for (const format of formats) {
    it(`decodes ${format} to RGB`, async () => {
      const image = await decodeImage(await solid(31, 17, '#c83c28').toFormat(format).toBuffer());
      assert.deepEqual([image.width, image.height, image.data.length], [31, 17, 31 * 17 * 3]);
      assertColour(pixelAt(image, 30, 16), [200, 60, 40], 4);
    });

    for (const percentage of [30, 60, 95]) {
      it(`refuses a ${format} cut off at ${percentage} %`, async () => {
        const whole = await noise(160, 120).toFormat(format).toBuffer();
        const cut = whole.subarray(0, Math.floor((whole.length * percentage) / 100));
        await assert.rejects(decodeImage(cut), errorWith('TSR_IMAGE_CORRUPT', /whole/));
        await assert.rejects(decodeForModels(cut, { targets: modelTargets }), errorWith('TSR_IMAGE_CORRUPT'));
      });
    }
  }

  it('calls no image damaged because the machine is busy', async () => {
    const bytes = await solid(8, 8, 'red').png().toBuffer();
    const derive = promisify(pbkdf2);
    const busyThreads = Array.from({ length: 8 }, () => derive('password', 'salt', 300_000, 64, 'sha512'));
    const limits = { ...defaultImageLimits, headerTimeoutMs: 10 };
    await assert.rejects(decodeImage(bytes, limits), errorWith('TSR_IMAGE_TIMEOUT'));
    await Promise.all(busyThreads);
  });

  it('refuses a cut-off JPEG that is read at a reduced size', async () => {
    const whole = await noise(1200, 900).jpeg().toBuffer();
    const cut = whole.subarray(0, Math.floor(whole.length * 0.95));
    const targets: ResizeTarget[] = [{ longestSide: 100 }];
    await assert.rejects(decodeForModels(cut, { targets }), errorWith('TSR_IMAGE_CORRUPT'));
  });

  /** Where the stored pixel (x, y) of a width × height image is shown (EXIF 2.32, tag 0x0112). */
  const orientations: Record<number, (x: number, y: number, width: number, height: number) => [number, number]> = {
    1: (x, y) => [x, y],
    2: (x, y, width) => [width - 1 - x, y],
    3: (x, y, width, height) => [width - 1 - x, height - 1 - y],
    4: (x, y, _width, height) => [x, height - 1 - y],
    5: (x, y) => [y, x],
    6: (x, y, _width, height) => [height - 1 - y, x],
    7: (x, y, width, height) => [height - 1 - y, width - 1 - x],
    8: (x, y, width) => [y, width - 1 - x],
  };
  for (const [orientation, shownAt] of Object.entries(orientations)) {
    it(`applies EXIF orientation ${orientation}`, async () => {
      const [width, height] = [3, 2];
      const plain = await decodeImage(await noise(width, height).png().toBuffer());
      const stored = noise(width, height).withMetadata({ orientation: Number(orientation) });
      const encoded = {
        jpeg: stored.clone().jpeg({ quality: 100, chromaSubsampling: '4:4:4' }),
        png: stored.clone().png(),
        webp: stored.clone().webp({ lossless: true }),
        avif: stored.clone().avif({ lossless: true }),
        tiff: stored.clone().tiff({ compression: 'lzw' }),
      };
      const targets: ResizeTarget[] = [{ longestSide: 3 }];
      for (const [format, pipeline] of Object.entries(encoded)) {
        const bytes = await pipeline.toBuffer();
        for (const shown of [await decodeImage(bytes), (await decodeForModels(bytes, { targets })).images[0]]) {
          assert.ok(shown);
          for (let y = 0; y < height; y++) {
            for (let x = 0; x < width; x++) {
              assertColour(pixelAt(shown, ...shownAt(x, y, width, height)), pixelAt(plain, x, y), 8, format);
            }
          }
        }
      }
    });
  }

  for (const format of ['jpeg', 'webp', 'avif', 'tiff'] as const) {
    it(`gives a rotated ${format} its size as a person sees it`, async () => {
      const bytes = await noise(60, 40).withMetadata({ orientation: 6 }).toFormat(format).toBuffer();
      const { width, height } = await decodeForModels(bytes, { targets: [] });
      assert.deepEqual([width, height], [40, 60]);
    });
  }

  it('takes targets by the size as a person sees it', async () => {
    const bytes = await noise(60, 40).withMetadata({ orientation: 6 }).toFormat('jpeg').toBuffer();
    const targets = ({ width, height }: { width: number; height: number }): ResizeTarget[] => [
      { width: width / 2, height: height / 4, fit: 'fill' },
    ];
    const { images } = await decodeForModels(bytes, { targets });
    assert.deepEqual(
      images.map(({ width, height }) => [width, height]),
      [[20, 15]],
    );
  });

  it('flattens alpha on white', async () => {
    const data = Uint8Array.from([200, 0, 0, 0, 200, 0, 0, 255, 200, 0, 0, 51]);
    const translucent = sharp(data, { raw: { width: 3, height: 1, channels: 4 } });
    const expected = [
      [255, 255, 255],
      [200, 0, 0],
      [244, 204, 204],
    ] as const;
    const encoded = { eight: translucent.clone().png(), sixteen: translucent.toColourspace('rgb16').png() };
    for (const pipeline of Object.values(encoded)) {
      const image = await decodeImage(await pipeline.toBuffer());
      expected.forEach((colour, x) => {
        assertColour(pixelAt(image, x, 0), colour, 1);
      });
    }
  });

  it('converts other colour types to 8-bit sRGB', async () => {
    const colour = solid(16, 16, '#c83c28');
    const grey = solid(16, 16, '#646464').toColourspace('b-w');
    // Printing inks cannot show the other colour.
    const muted = solid(16, 16, '#966e5a').toColourspace('cmyk');
    const greyAlpha = sharp(new Uint8Array(512).fill(100), { raw: { width: 16, height: 16, channels: 2 } });
    const cases: [string, Buffer, Colour, number][] = [
      ['CMYK JPEG', await muted.clone().jpeg({ quality: 95 }).toBuffer(), [150, 110, 90], 12],
      ['CMYK TIFF', await muted.clone().tiff({ compression: 'lzw' }).toBuffer(), [150, 110, 90], 12],
      ['16-bit PNG', await colour.clone().toColourspace('rgb16').png().toBuffer(), [200, 60, 40], 1],
      ['16-bit grey PNG', await grey.clone().toColourspace('grey16').png().toBuffer(), [100, 100, 100], 1],
      ['grey JPEG', await grey.clone().jpeg().toBuffer(), [100, 100, 100], 1],
      ['palette PNG', await colour.clone().png({ palette: true, colours: 4 }).toBuffer(), [200, 60, 40], 1],
      [
        '1-bit TIFF',
        await solid(16, 16, '#fff').toColourspace('b-w').tiff({ bitdepth: 1 }).toBuffer(),
        [255, 255, 255],
        0,
      ],
      ['1-bit PNG', blackPng(16, 16), [0, 0, 0], 0],
      // 100 at opacity 100 / 255 over white
      ['grey + alpha PNG', await greyAlpha.toColourspace('b-w').png().toBuffer(), [194, 194, 194], 1],
    ];
    for (const [name, bytes, expected, tolerance] of cases) {
      const image = await decodeImage(bytes);
      assert.equal(image.data.length, 16 * 16 * 3, name);
      assertColour(pixelAt(image, 8, 8), expected, tolerance);
    }
  });

  for (const depth of ['srgb', 'rgb16'] as const) {
    it(`honours an embedded profile (${depth})`, async () => {
      const bytes = await solid(8, 8, '#c83c28').toColourspace(depth).withIccProfile('p3').png().toBuffer();
      const stored = await sharp(bytes, { ignoreIcc: true }).toColourspace('srgb').raw().toBuffer();
      assert.ok(Math.abs((stored[0] ?? 0) - 200) > 5, 'the stored numbers differ from sRGB, so the profile matters');
      assertColour(pixelAt(await decodeImage(bytes), 4, 4), [200, 60, 40], 2);
    });
  }

  it('refuses images that are neither colour nor greyscale', async () => {
    const band = await solid(8, 8, '#808080').toColourspace('b-w').raw().toBuffer({ resolveWithObject: true });
    const raw = { width: 8, height: 8, channels: 1 } as const;
    for (const extraBands of [2, 9]) {
      const bands = Array.from({ length: extraBands }, () => band.data);
      const bytes = await solid(8, 8, '#808080').joinChannel(bands, { raw }).tiff({ compression: 'lzw' }).toBuffer();
      const message = new RegExp(`${3 + extraBands} channels`);
      await assert.rejects(decodeImage(bytes), errorWith('TSR_IMAGE_FORMAT_UNSUPPORTED', message));
    }
  });

  for (const format of ['gif', 'webp', 'tiff'] as const) {
    it(`decodes the first frame of a ${format} with several`, async () => {
      const colours = [
        [255, 0, 0],
        [0, 255, 0],
      ] as const;
      const image = await decodeImage(await frames(40, 30, colours).toFormat(format).toBuffer());
      assert.deepEqual([image.width, image.height], [40, 30]);
      assertColour(pixelAt(image, 20, 29), [255, 0, 0], 3);
    });
  }

  it('stops when decoding takes too long', async () => {
    const limits = { ...defaultImageLimits, maxSidePixels: 40_000_000, decodeTimeoutSeconds: 1 };
    await assert.rejects(decodeImage(blackPng(1, 40_000_000), limits), errorWith('TSR_IMAGE_TIMEOUT', /within 1 s/));
  });
});

describe('decodeForModels', () => {
  it('gives every target in order, and the size of the original', async () => {
    const bytes = await scene(640, 480).png().toBuffer();
    const { format, width, height, images } = await decodeForModels(bytes, { targets: modelTargets });
    assert.deepEqual([format, width, height], ['png', 640, 480]);
    assert.deepEqual(
      images.map((image) => [image.width, image.height, image.data.length]),
      [
        [512, 512, 512 * 512 * 3],
        [1024, 768, 1024 * 768 * 3],
      ],
    );
  });

  it('covers a square with the middle of the image', async () => {
    const cover: ResizeTarget = { width: 40, height: 40, fit: 'cover' };
    // Red, green and blue thirds side by side: a square as high as the image is the green one.
    const stripes = Buffer.concat(
      Array.from({ length: 100 }, () =>
        Buffer.concat([...['ff0000', '00ff00', '0000ff'].map((colour) => Buffer.alloc(300, colour, 'hex'))]),
      ),
    );
    for (const rotate of [0, 90]) {
      const bytes = await sharp(stripes, { raw: { width: 300, height: 100, channels: 3 } })
        .rotate(rotate)
        .png()
        .toBuffer();
      const { images } = await decodeForModels(bytes, { targets: [cover, { longestSide: 30 }, cover] });
      const [middle, scaled, again] = images;
      assert.ok(middle && scaled);
      assert.deepEqual(again, middle);
      assert.deepEqual([middle.width, middle.height], [40, 40]);
      for (const [x, y] of [
        [2, 2],
        [20, 20],
        [37, 37],
      ] as const)
        assertColour(pixelAt(middle, x, y), [0, 255, 0], 2);
      assertColour(pixelAt(scaled, 1, 1), [255, 0, 0], 2);
    }
  });

  it('cuts off the larger half of an odd excess on the right and below, as CLIP’s preprocessing does', async () => {
    const [long, short] = [85, 64];
    const columns = Buffer.from(Array.from({ length: long * short }, (_, index) => Array(3).fill(index % long)).flat());
    const wide = sharp(columns, { raw: { width: long, height: short, channels: 3 } });
    const cover: ResizeTarget = { width: short, height: short, fit: 'cover' };
    for (const picture of [wide, wide.clone().rotate(90)]) {
      const { images } = await decodeForModels(await picture.png().toBuffer(), { targets: [cover] });
      const values = images.flatMap(({ data }) => [...data]);
      assert.deepEqual([Math.min(...values), Math.max(...values)], [10, 73]);
    }
    // 640 × 480 becomes 85 × 64: 85.3 is rounded down.
    const scaled = await scene(640, 480).png().toBuffer();
    const whole = await sharp(scaled)
      .resize({ width: long, height: short, fit: 'fill', kernel: 'cubic' })
      .raw()
      .toBuffer();
    const { images } = await decodeForModels(scaled, { targets: [cover] });
    const [middle] = images;
    assert.ok(middle);
    for (const row of [0, 31, 63]) {
      const start = 3 * (row * long + 10);
      assert.deepEqual(
        [...middle.data.subarray(3 * row * short, 3 * (row + 1) * short)],
        [...whole.subarray(start, start + 3 * short)],
      );
    }
  });

  for (const side of [640, 3300]) {
    for (const orientation of [1, 6]) {
      it(`gives a target the same pixels alone, in a file of ${side} pixels with orientation ${orientation}`, async () => {
        const picture = scene(side, Math.round(side / 1.5));
        const bytes = await picture.withMetadata({ orientation }).jpeg().toBuffer();
        const [square, longest] = [{ width: 512, height: 512, fit: 'fill' }, { longestSide: 1024 }] as const;
        const both = await decodeForModels(bytes, { targets: [square, longest] });
        const alone = await decodeForModels(bytes, { targets: [square], readForLongestSide: 1024 });
        assert.equal(alone.images.length, 1);
        assert.deepEqual(alone.images[0], both.images[0]);
      });
    }
  }

  it('gives the original pixels for the original size', async () => {
    const original = noise(100, 50);
    const { images } = await decodeForModels(await original.clone().png().toBuffer(), {
      targets: [{ longestSide: 100 }],
    });
    assert.deepEqual(images[0]?.data, new Uint8Array(await original.raw().toBuffer()));
  });

  for (const format of ['jpeg', 'webp', 'png'] as const) {
    it(`resizes a large ${format} as a full decode would`, async () => {
      const bytes = await scene(3300, 2200).toFormat(format).toBuffer();
      const full = await decodeImage(bytes);
      const { images } = await decodeForModels(bytes, { targets: modelTargets });
      const raw = { width: full.width, height: full.height, channels: 3 } as const;
      for (const image of images) {
        const { width, height } = image;
        const data = await sharp(full.data, { raw })
          .resize({ width, height, fit: 'fill', kernel: 'linear' })
          .raw()
          .toBuffer();
        const difference = meanDifference(image, { width, height, data });
        assert.ok(difference < 1, `mean difference ${difference} of 255 at ${width} × ${height}`);
      }
    });
  }

  for (const [width, height] of [
    [1, 1],
    [10_000, 1],
    [1, 10_000],
  ] as const) {
    it(`handles ${width} × ${height} pixels`, async () => {
      const bytes = await solid(width, height, '#c83c28').png().toBuffer();
      const { images } = await decodeForModels(bytes, { targets: modelTargets });
      const longest = { width: width < height ? 1 : 1024, height: height < width ? 1 : 1024 };
      assert.deepEqual(
        images.map((image) => ({ width: image.width, height: image.height })),
        [{ width: 512, height: 512 }, longest],
      );
      const covering = await decodeForModels(bytes, { targets: [{ width: 224, height: 224, fit: 'cover' }] });
      for (const image of [...images, ...covering.images]) {
        assertColour(pixelAt(image, image.width - 1, image.height - 1), [200, 60, 40], 1);
      }
      assert.deepEqual((await decodeImage(bytes)).data.length, width * height * 3);
    });
  }
});
