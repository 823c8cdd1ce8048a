import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { assertRefused, decodeAccepted } from './fixtures/both-readers.js';
import { decodeImage } from './fixtures/decode-image.js';
import { errorWith } from './fixtures/errors.js';
import { pixelAt } from './fixtures/pixels.js';
import { inspectImage } from './inspect-image.js';

interface BmpOptions {
  readonly width?: number;
  readonly height?: number;
  readonly bits: number;
  readonly compression?: number;
  /** Bytes between the header and the pixels: masks, palette. */
  readonly between?: readonly number[];
  /** Rows as stored, each padded to four bytes. */
  readonly rows: readonly (readonly number[])[];
  readonly headerBytes?: 12 | 40 | 56;
}

/** A bitmap, by default of two by two pixels. */
function bmp({
  width = 2,
  height = 2,
  bits,
  compression = 0,
  between = [],
  rows,
  headerBytes = 40,
}: BmpOptions): Buffer {
  const header = Buffer.alloc(14 + headerBytes);
  header.write('BM', 'latin1');
  const pixelOffset = header.length + between.length - (headerBytes === 56 ? 16 : 0);
  header.writeUInt32LE(pixelOffset, 10);
  header.writeUInt32LE(headerBytes, 14);
  if (headerBytes === 12) {
    [width, height, 1, bits].forEach((value, index) => header.writeUInt16LE(value, 18 + 2 * index));
  } else {
    header.writeInt32LE(width, 18);
    header.writeInt32LE(height, 22);
    header.writeUInt16LE(1, 26);
    header.writeUInt16LE(bits, 28);
    header.writeUInt32LE(compression, 30);
  }
  // In the longer header the masks are a part of it.
  const head = headerBytes === 56 ? header.subarray(0, 14 + 40) : header;
  return Buffer.concat([head, Buffer.from(between), ...rows.map((row) => Buffer.from(row))]);
}

const little = (...values: number[]) =>
  values.flatMap((value) => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff));

/** Red and green above blue and white. */
const corners = [
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
  [255, 255, 255],
];
const palette = [0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 0, 255, 255, 255, 0];
const rows24 = [
  [255, 0, 0, 255, 255, 255, 0, 0],
  [0, 0, 255, 0, 255, 0, 0, 0],
];

const files: Record<string, Buffer> = {
  '24 bits': bmp({ bits: 24, rows: rows24 }),
  '24 bits from top to bottom': bmp({ bits: 24, height: -2, rows: rows24.toReversed() }),
  '24 bits without the last padding': bmp({ bits: 24, rows: rows24 }).subarray(0, -2),
  '32 bits': bmp({
    bits: 32,
    rows: [
      [255, 0, 0, 0, 255, 255, 255, 0],
      [0, 0, 255, 0, 0, 255, 0, 0],
    ],
  }),
  '16 bits': bmp({
    bits: 16,
    rows: [
      [0x1f, 0x00, 0xff, 0x7f],
      [0x00, 0x7c, 0xe0, 0x03],
    ],
  }),
  '16 bits with masks': bmp({
    bits: 16,
    compression: 3,
    between: little(0xf800, 0x07e0, 0x001f),
    rows: [
      [0x1f, 0x00, 0xff, 0xff],
      [0x00, 0xf8, 0xe0, 0x07],
    ],
  }),
  '8 bits': bmp({
    bits: 8,
    between: palette,
    rows: [
      [2, 3, 0, 0],
      [0, 1, 0, 0],
    ],
  }),
  '4 bits': bmp({
    bits: 4,
    between: palette,
    rows: [
      [0x23, 0, 0, 0],
      [0x01, 0, 0, 0],
    ],
  }),
  'OS/2': bmp({ bits: 24, headerBytes: 12, rows: rows24 }),
};

describe('bitmaps', () => {
  for (const [name, file] of Object.entries(files)) {
    it(`of ${name} are read`, async () => {
      assert.equal(inspectImage(file).format, 'bmp');
      const image = await decodeAccepted(file);
      const found = [0, 1].flatMap((y) => [0, 1].map((x) => pixelAt(image, x, y)));
      assert.deepEqual(found, corners);
    });
  }

  it('of 1 bit are read', async () => {
    const rows = [
      [0b0100_0000, 0, 0, 0],
      [0b1000_0000, 0, 0, 0],
    ];
    const image = await decodeAccepted(bmp({ bits: 1, between: [0, 0, 0, 0, 255, 255, 255, 0], rows }));
    assert.deepEqual(
      [0, 1].flatMap((y) => [0, 1].map((x) => pixelAt(image, x, y)[0])),
      [255, 0, 0, 255],
    );
  });

  it('with alpha are flattened on white', async () => {
    const between = little(0xff0000, 0xff00, 0xff, 0xff000000);
    const rows = [
      [0, 0, 0, 0, 0, 0, 0, 255],
      [0, 0, 255, 255, 0, 0, 255, 0],
    ];
    const image = await decodeAccepted(bmp({ bits: 32, compression: 3, headerBytes: 56, between, rows }));
    const found = [0, 1].flatMap((y) => [0, 1].map((x) => pixelAt(image, x, y).join(',')));
    assert.deepEqual(found, ['255,0,0', '255,255,255', '255,255,255', '0,0,0']);
  });

  it('that are compressed or of another depth are refused', async () => {
    await assertRefused(bmp({ bits: 8, compression: 1, between: palette, rows: rows24 }), /BMP with compression 1/);
    await assertRefused(bmp({ bits: 2, between: palette, rows: rows24 }), /BMP with 2 bits/);
  });

  it('whose pixels would begin inside the header are damaged', async () => {
    for (const offset of [0, 14, 53]) {
      const file = bmp({ bits: 24, rows: rows24 });
      file.writeUInt32LE(offset, 10);
      assert.throws(() => inspectImage(file), errorWith('TSR_IMAGE_CORRUPT'), `${offset}`);
      await assert.rejects(decodeImage(file), errorWith('TSR_IMAGE_CORRUPT'), `${offset}`);
    }
  });

  it('that are cut off are damaged, and large ones too large', async () => {
    const cut = files['24 bits']?.subarray(0, 60) ?? assert.fail();
    await assert.rejects(decodeImage(cut), errorWith('TSR_IMAGE_CORRUPT', /truncated/));
    assert.throws(
      () => inspectImage(bmp({ bits: 24, width: 1e5, height: 1e5, rows: [] })),
      errorWith('TSR_IMAGE_TOO_LARGE'),
    );
    assert.throws(() => inspectImage(bmp({ bits: 24, width: -2, rows: rows24 })), errorWith('TSR_IMAGE_CORRUPT'));
  });
});
