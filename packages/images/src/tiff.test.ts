import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { decodeForModels } from './decode-image.js';
import { assertRefused, decodeAccepted } from './fixtures/both-readers.js';
import { packBits, ramp, repeatRow } from './fixtures/gradient.js';
import { solid } from './fixtures/images.js';
import { assertColour, assertRow, pixelAt } from './fixtures/pixels.js';
import { tiff } from './fixtures/tiff.js';

const WIDTH = ramp.length;
const HEIGHT = 16;

/** Red rises to the right, green falls, blue is the middle. */
const coloured = ramp.flatMap((value) => [value, 1 - value, 0.5]);

interface SampleFormat {
  readonly bits: number;
  /** Value of the tag SampleFormat: 1 unsigned, 2 signed, 3 floating-point, 6 complex floating-point. */
  readonly code: number;
  /** How DataView writes a sample, once it is multiplied by `scale`; undefined for less than a byte. */
  readonly method?:
    'setUint8' | 'setInt8' | 'setUint16' | 'setInt16' | 'setUint32' | 'setInt32' | 'setFloat32' | 'setFloat64';
  readonly scale?: number;
  /** What the refusal says; undefined for what is read. */
  readonly refusal?: RegExp;
}

const sampleFormats: Record<string, SampleFormat> = {
  uint1: { bits: 1, code: 1 },
  uint2: { bits: 2, code: 1 },
  uint4: { bits: 4, code: 1 },
  uint8: { bits: 8, code: 1, method: 'setUint8', scale: 255 },
  uint16: { bits: 16, code: 1, method: 'setUint16', scale: 0xffff },
  uint32: { bits: 32, code: 1, method: 'setUint32', scale: 0xffffffff, refusal: /32-bit unsigned integer samples/ },
  int8: { bits: 8, code: 2, method: 'setInt8', scale: 127, refusal: /8-bit signed integer samples/ },
  int16: { bits: 16, code: 2, method: 'setInt16', scale: 0x7fff, refusal: /16-bit signed integer samples/ },
  int32: { bits: 32, code: 2, method: 'setInt32', scale: 0x7fffffff, refusal: /32-bit signed integer samples/ },
  // Half precision: 0 to 1 as the bits of 1 to 2 less one binade, which is a gradient as well.
  float16: { bits: 16, code: 3, method: 'setUint16', scale: 0x3c00, refusal: /16-bit floating-point samples/ },
  float32: { bits: 32, code: 3, method: 'setFloat32', scale: 1, refusal: /32-bit floating-point samples/ },
  'float32 up to 255': { bits: 32, code: 3, method: 'setFloat32', scale: 255, refusal: /32-bit floating-point/ },
  float64: { bits: 64, code: 3, method: 'setFloat64', scale: 1, refusal: /64-bit floating-point samples/ },
  complex64: { bits: 64, code: 6, method: 'setFloat32', scale: 1, refusal: /64-bit complex floating-point samples/ },
};

function storeRow(
  { bits, method, scale = 1 }: SampleFormat,
  samples: readonly number[],
  littleEndian: boolean,
): Uint8Array {
  if (method === undefined) return packBits(samples, bits);
  const row = new Uint8Array((samples.length * bits) / 8);
  samples.forEach((value, index) => {
    new DataView(row.buffer)[method]((index * bits) / 8, value * scale, littleEndian);
  });
  return row;
}

/** How far a sample may be from the gradient: half a step of its depth, and rounding. */
const tolerance = (bits: number) => 1 + (bits < 8 ? 128 / (2 ** bits - 1) : 0);

type Tags = Record<number, readonly number[]>;

const page = (tags: Tags, rows: readonly Uint8Array[], littleEndian = true) =>
  tiff({ width: WIDTH, height: HEIGHT, tags, parts: rows.map((row) => repeatRow(row, HEIGHT)), littleEndian });

describe('sample formats of TIFF', () => {
  for (const [name, format] of Object.entries(sampleFormats)) {
    const { bits, code, refusal } = format;
    for (const littleEndian of [true, false]) {
      const store = (samples: readonly number[]) => storeRow(format, samples, littleEndian);
      const title = `${name}, ${littleEndian ? 'little' : 'big'}-endian: ${refusal ? 'refused by name' : 'its gradient'}`;

      it(`grey ${title}`, async () => {
        for (const [photometric, samples] of [ramp.map((value) => 1 - value), ramp].entries()) {
          const bytes = page({ 258: [bits], 262: [photometric], 339: [code] }, [store(samples)], littleEndian);
          if (refusal) await assertRefused(bytes, refusal);
          else assertRow(await decodeAccepted(bytes), ramp, 1, tolerance(bits));
        }
      });

      if (bits < 8) continue;
      it(`RGB ${title}`, async () => {
        const tags = { 258: [bits, bits, bits], 262: [2], 277: [3], 339: [code, code, code] };
        const planes = [0, 1, 2].map((channel) => coloured.filter((_, index) => index % 3 === channel));
        for (const bytes of [
          page(tags, [store(coloured)], littleEndian),
          page({ ...tags, 284: [2] }, planes.map(store), littleEndian),
          page({ ...tags, 322: [16], 323: [16] }, [coloured.slice(0, 48), coloured.slice(48)].map(store), littleEndian),
        ]) {
          if (refusal) await assertRefused(bytes, refusal);
          else assertRow(await decodeAccepted(bytes), coloured, 3, tolerance(bits));
        }
      });
    }
  }

  it('reads undefined samples as unsigned integers', async () => {
    const parts = [new Uint8Array(WIDTH * HEIGHT).fill(100)];
    const image = await decodeAccepted(tiff({ width: WIDTH, height: HEIGHT, tags: { 339: [4] }, parts }));
    assert.deepEqual(pixelAt(image, 5, 5), [100, 100, 100]);
  });

  it('reads alpha, palettes and CMYK', async () => {
    const bytes = (samples: readonly number[]) => [Uint8Array.from(samples, (value) => Math.round(value * 255))];
    const onWhite = ramp.map((value) => (value + 1) / 2);
    const rgba = page({ 258: [8, 8, 8, 8], 262: [2], 277: [4], 338: [2] }, bytes(ramp.flatMap((v) => [v, v, v, 0.5])));
    assertRow(await decodeAccepted(rgba), onWhite, 1, 2);
    const greyAlpha = page({ 258: [8, 8], 277: [2], 338: [2] }, bytes(ramp.flatMap((value) => [value, 0.5])));
    assertRow(await decodeAccepted(greyAlpha), onWhite, 1, 2);
    const inverted = Array.from({ length: 3 * 256 }, (_, index) => 257 * (255 - (index % 256)));
    const palette = page({ 262: [3], 320: inverted }, bytes(ramp.map((value) => 1 - value)));
    assertRow(await decodeAccepted(palette), ramp, 1, 2);
    const blackInk = page({ 258: [8, 8, 8, 8], 262: [5], 277: [4] }, bytes(ramp.flatMap((v) => [0, 0, 0, 1 - v])));
    const shown = await decodeAccepted(blackInk);
    const reds = ramp.map((_, x) => pixelAt(shown, x, 0)[0] ?? NaN);
    assert.deepEqual(
      reds,
      reds.toSorted((left, right) => left - right),
    );
    assert.ok((reds[0] ?? 255) < 60 && reds.at(-1) === 255);
  });

  const kinds: Record<string, { readonly code?: number; readonly isAlpha: boolean; readonly isMultiplied: boolean }> = {
    'that is not specified': { code: 0, isAlpha: false, isMultiplied: false },
    'that no tag describes': { isAlpha: false, isMultiplied: false },
    'of associated alpha': { code: 1, isAlpha: true, isMultiplied: true },
    'of unassociated alpha': { code: 2, isAlpha: true, isMultiplied: false },
  };
  const colourModels = { grey: { photometric: 1, channels: 1 }, RGB: { photometric: 2, channels: 3 } } as const;
  const targets = [{ longestSide: 8 }, { width: 8, height: 8, fit: 'cover' }] as const;
  for (const [kind, { code, isAlpha, isMultiplied }] of Object.entries(kinds)) {
    for (const [model, { photometric, channels }] of Object.entries(colourModels)) {
      for (const name of ['uint8', 'uint16'] as const) {
        it(`${model} ${name} with a sample ${kind}`, async () => {
          const format = sampleFormats[name] ?? assert.fail();
          const colours = channels === 1 ? ramp : coloured;
          for (const extra of [0, 0.4, 1]) {
            const pixels = ramp.flatMap((_, x) => [
              ...colours.slice(channels * x, channels * (x + 1)).map((value) => (isMultiplied ? value * extra : value)),
              extra,
            ]);
            const tags = {
              ...{ 258: new Array<number>(channels + 1).fill(format.bits), 262: [photometric], 277: [channels + 1] },
              ...(code === undefined ? {} : { 338: [code] }),
            };
            const bytes = page(tags, [storeRow(format, pixels, true)]);
            const shown = isAlpha ? colours.map((value) => value * extra + 1 - extra) : colours;
            assertRow(await decodeAccepted(bytes), shown, channels, 2);
            const plain = { 258: new Array<number>(channels).fill(format.bits), 262: [photometric], 277: [channels] };
            const reference = await decodeForModels(page(plain, [storeRow(format, shown, true)]), { targets });
            const { images } = await decodeForModels(bytes, { targets });
            for (const [index, { data }] of images.entries()) {
              const expected = reference.images[index]?.data ?? [];
              assert.ok(data.every((value, place) => Math.abs(value - (expected[place] ?? NaN)) <= 2));
            }
          }
        });
      }
    }
  }

  const unread: Record<string, [Tags, RegExp]> = {
    '24-bit floats': [{ 258: [24], 339: [3] }, /24-bit floating-point/],
    '12 bits': [{ 258: [12] }, /12-bit unsigned integer/],
    'channels of different depths': [{ 258: [5, 6, 5], 262: [2], 277: [3] }, /5-bit/],
    'mixed 8 and 16 bits': [{ 258: [8, 16, 8], 262: [2], 277: [3] }, /8, 16, 8 bits/],
    'CIE L*a*b*': [{ 258: [8, 8, 8], 262: [8], 277: [3] }, /CIE L\*a\*b\*/],
    'ICC L*a*b*': [{ 258: [8, 8, 8], 262: [9], 277: [3] }, /ICC L\*a\*b\*/],
    'raw camera data': [{ 258: [16], 262: [32803] }, /colour filter array/],
    'YCbCr outside JPEG': [{ 258: [8, 8, 8], 262: [6], 277: [3] }, /YCbCr/],
    'an unknown compression': [{ 259: [34712] }, /compression 34712/],
    'channels of 4 bits': [{ 258: [4, 4, 4], 262: [2], 277: [3] }, /3 channels of 4 bits/],
    'inks of another set': [{ 258: [8, 8, 8, 8], 262: [5], 277: [4], 332: [2] }, /inks other than CMYK/],
    'no photometric': [{ 262: [] }, /does not name/],
    'five channels': [{ 258: [8, 8, 8, 8, 8], 262: [2], 277: [5] }, /5 channels/],
    'tiles of planes': [
      { 258: [8, 8, 8], 262: [2], 277: [3], 284: [2], 322: [16], 323: [16] },
      /tiles of separate planes/,
    ],
  };
  for (const [name, [tags, message]] of Object.entries(unread)) {
    it(`refuses ${name} by name`, async () => {
      await assertRefused(page(tags, [new Uint8Array(WIDTH * 8)]), message);
    });
  }

  for (const depth of ['lab', 'labs'] as const) {
    it(`refuses a TIFF that an editor saved as ${depth}`, async () => {
      await assertRefused(
        await solid(8, 8, '#c83c28').toColourspace(depth).tiff({ compression: 'lzw' }).toBuffer(),
        /L\*a\*b\*/,
      );
    });
  }

  for (const compression of ['none', 'lzw', 'deflate', 'packbits', 'webp', 'jpeg'] as const) {
    it(`reads ${compression} compression`, async () => {
      const bytes = await solid(16, 16, '#c83c28').tiff({ compression, quality: 95 }).toBuffer();
      assertColour(pixelAt(await decodeAccepted(bytes), 8, 8), [200, 60, 40], 4);
    });
  }

  it('reads CCITT T.6 compression', async () => {
    const black = solid(16, 16, '#000').toColourspace('b-w');
    const image = await decodeAccepted(await black.tiff({ compression: 'ccittfax4', bitdepth: 1 }).toBuffer());
    assert.deepEqual(pixelAt(image, 8, 8), [0, 0, 0]);
  });
});
