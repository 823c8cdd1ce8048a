import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { assertRefused, decodeAccepted } from './fixtures/both-readers.js';
import { gif } from './fixtures/gif.js';
import type { GifFrame } from './fixtures/gif.js';
import { packBits, ramp, repeatRow } from './fixtures/gradient.js';
import { noise, solid } from './fixtures/images.js';
import { assertColour, assertRow, pixelAt } from './fixtures/pixels.js';
import { png } from './fixtures/png.js';

describe('the first frame of GIF', () => {
  const colours = [
    [255, 255, 0],
    [220, 30, 30],
    [40, 40, 210],
    [10, 160, 60],
  ] as const;
  const partial: GifFrame = { left: 4, top: 6, width: 8, height: 10, indices: new Array<number>(80).fill(1) };
  const second: GifFrame = { left: 0, top: 0, width: 16, height: 20, indices: new Array<number>(320).fill(2) };
  const variants: Record<string, GifFrame> = {
    'as it is': partial,
    'with a transparent colour': { ...partial, transparentIndex: 3 },
    'disposed to the background': { ...partial, disposal: 2 },
    'disposed to what was before': { ...partial, disposal: 3 },
    'with a palette of its own': { ...partial, localColours: [colours[2], colours[1]] },
    interlaced: { ...partial, isInterlaced: true },
  };
  for (const [name, frame] of Object.entries(variants)) {
    for (const frames of [[frame], [frame, second]]) {
      it(`covers a part, ${name}, ${frames.length} in the file: white around it`, async () => {
        const image = await decodeAccepted(gif(16, 20, colours, 0, frames));
        assert.deepEqual([image.width, image.height], [16, 20]);
        for (let y = 0; y < 20; y++) {
          for (let x = 0; x < 16; x++) {
            const isCovered = x >= 4 && x < 12 && y >= 6 && y < 16;
            assert.deepEqual(pixelAt(image, x, y), isCovered ? [220, 30, 30] : [255, 255, 255], `${x}, ${y}`);
          }
        }
      });
    }
  }

  for (const [width, height] of [
    [640, 480],
    [2500, 30],
  ] as const) {
    it(`keeps the size of the picture when it covers a part of ${width} × ${height}`, async () => {
      const image = await decodeAccepted(gif(width, height, colours, 0, [partial, second]));
      assert.deepEqual([image.width, image.height], [width, height]);
      assert.deepEqual([pixelAt(image, 0, 0), pixelAt(image, 5, 7)].join(' '), '255,255,255 220,30,30');
    });
  }

  it('makes the picture larger when it sticks out', async () => {
    const image = await decodeAccepted(gif(8, 8, colours, 0, [partial]));
    assert.deepEqual([image.width, image.height], [12, 16]);
  });

  it('is put together from interlaced rows, and shows white where it is transparent', async () => {
    const indices = Array.from({ length: 20 * 16 }, (_, index) => (index >> 4) % 4);
    const frame: GifFrame = {
      left: 0,
      top: 0,
      width: 16,
      height: 20,
      indices,
      isInterlaced: true,
      transparentIndex: 0,
    };
    const image = await decodeAccepted(gif(16, 20, colours, 0, [frame, second]));
    for (let y = 0; y < 20; y++)
      assert.deepEqual(pixelAt(image, 7, y), y % 4 === 0 ? [255, 255, 255] : [...(colours[y % 4] ?? [])]);
  });
});

describe('other animations', () => {
  it('shows white around the first frame of a WebP that covers a part', async () => {
    const chunk = (name: string, data: Uint8Array) => {
      const header = Buffer.from(`${name}    `, 'latin1');
      header.writeUInt32LE(data.length, 4);
      return Buffer.concat([header, data, Buffer.alloc(data.length % 2)]);
    };
    const threeBytes = (value: number) => [value & 255, value >> 8, 0];
    const still = (await solid(8, 8, '#dc1e1e').webp({ lossless: true }).toBuffer()).subarray(12);
    const frame = chunk('ANMF', Buffer.from([...[2, 4, 7, 7, 100].flatMap(threeBytes), 0, ...still]));
    const screen = chunk('VP8X', Buffer.from([2, 0, 0, 0, ...threeBytes(19), ...threeBytes(23)]));
    const parts = [Buffer.from('WEBP'), screen, chunk('ANIM', Buffer.from([0, 255, 0, 255, 0, 0])), frame, frame];
    const image = await decodeAccepted(chunk('RIFF', Buffer.concat(parts)));
    assertColour(pixelAt(image, 5, 9), [220, 30, 30], 0);
    for (const [x, y] of [
      [0, 0],
      [3, 9],
      [12, 9],
      [19, 23],
    ] as const)
      assert.deepEqual(pixelAt(image, x, y), [255, 255, 255]);
  });

  const grey = { width: 8, height: 8, bitDepth: 8, colourType: 0, pixels: new Uint8Array(64).fill(100) } as const;
  const frameControl = Buffer.alloc(26);

  it('reads an animated PNG whose still image is the first frame', async () => {
    const image = await decodeAccepted(png({ ...grey, chunks: { acTL: Buffer.alloc(8, 1), fcTL: frameControl } }));
    assert.deepEqual(pixelAt(image, 4, 4), [100, 100, 100]);
  });

  it('refuses an animated PNG whose still image no viewer shows', async () => {
    await assertRefused(png({ ...grey, chunks: { acTL: Buffer.alloc(8, 1) } }), /animated PNG/);
  });

  it('refuses an AVIF sequence by name, whatever else it is', async () => {
    const sequence = Buffer.from('\0\0\0\x2cftypavis\0\0\0\0avifavismsf1iso8mif1miafMA1B', 'latin1');
    await assertRefused(sequence, /animated AVIF/);
  });
});

describe('depths and gamma of PNG', () => {
  for (const bitDepth of [1, 2, 4, 8, 16] as const) {
    it(`reads ${bitDepth}-bit grey`, async () => {
      const wide = ramp.flatMap((value) => [value * 255, ...(bitDepth === 16 ? [0] : [])]);
      const row = bitDepth < 8 ? packBits(ramp, bitDepth) : Uint8Array.from(wide);
      const image = await decodeAccepted(
        png({ width: ramp.length, height: 4, bitDepth, colourType: 0, pixels: repeatRow(row, 4) }),
      );
      assertRow(image, ramp, 1, bitDepth < 8 ? 128 / (2 ** bitDepth - 1) : 2);
    });
  }

  for (const bitDepth of [1, 8] as const) {
    it(`shows a transparent colour of a ${bitDepth}-bit palette as white`, async () => {
      const indices = Array.from({ length: 16 }, (_, x) => x >> 3);
      const pixels = bitDepth === 1 ? packBits(indices, 1) : Uint8Array.from(indices);
      const chunks = { PLTE: Uint8Array.of(255, 0, 0, 0, 0, 255), tRNS: Uint8Array.of(0) };
      const image = await decodeAccepted(png({ width: 16, height: 1, bitDepth, colourType: 3, pixels, chunks }));
      assert.deepEqual(
        [pixelAt(image, 2, 0), pixelAt(image, 12, 0)],
        [
          [255, 255, 255],
          [0, 0, 255],
        ],
      );
    });
  }

  const gamma = (value: number) => {
    const data = Buffer.alloc(4);
    data.writeUInt32BE(value);
    return data;
  };
  const middle = { width: 4, height: 4, bitDepth: 8, colourType: 0, pixels: new Uint8Array(16).fill(128) } as const;
  const cases: [string, Record<string, Uint8Array>, number][] = [
    ['that of sRGB', { gAMA: gamma(45_455) }, 128],
    ['linear light', { gAMA: gamma(100_000) }, 186],
    ['one of old screens', { gAMA: gamma(55_556) }, 145],
    ['overruled by sRGB', { sRGB: Uint8Array.of(0), gAMA: gamma(100_000) }, 128],
    ['zero, which says nothing', { gAMA: gamma(0) }, 128],
  ];
  for (const [name, chunks, expected] of cases) {
    it(`a gamma, ${name}`, async () => {
      assertColour(pixelAt(await decodeAccepted(png({ ...middle, chunks })), 1, 1), [expected, expected, expected], 1);
    });
  }
});

describe('encodings of JPEG', () => {
  it('reads progressive ones', async () => {
    const bytes = await solid(32, 32, '#c83c28').jpeg({ progressive: true, quality: 95 }).toBuffer();
    assertColour(pixelAt(await decodeAccepted(bytes), 9, 9), [200, 60, 40], 3);
  });

  it('refuses samples of 12 bits and unusual processes by name', async () => {
    const bytes = await noise(16, 16).jpeg().toBuffer();
    const frame = bytes.indexOf(Buffer.from([0xff, 0xc0]));
    const deep = Buffer.from(bytes);
    deep[frame + 4] = 12;
    await assertRefused(deep, /12 bits per sample/);
    for (const [marker, message] of [
      [0xf7, /JPEG-LS/],
      [0xc5, /hierarchical/],
      [0xcb, /lossless arithmetic/],
    ] as const) {
      const other = Buffer.from(bytes);
      other[frame + 1] = marker;
      await assertRefused(other, message);
    }
  });
});
