import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { overlayLongestSide, type Overlay } from '@tessera/contracts';
import { defaultImageLimits } from '@tessera/images';
import { decodeForModels, encodePicture, type PixelImage } from '@tessera/images/decoding';
import { createMask, encodeRle, encodeUncompressedRle } from '@tessera/masks';
import { drawOverlay, type DrawnResult } from './overlay.js';

/** A mask of the columns from `from` to before `to`, in COCO RLE. */
function columns(width: number, height: number, from: number, to: number) {
  const mask = createMask(height, width);
  for (let row = 0; row < height; row++) mask.data.fill(1, row * width + from, row * width + to);
  return mask;
}

async function pixelsOf({ image }: Overlay): Promise<PixelImage & { format: string }> {
  const bytes = Buffer.from(image.slice(image.indexOf(',') + 1), 'base64');
  const { images, format } = await decodeForModels(bytes, {
    targets: ({ width, height }) => [{ width, height, fit: 'fill' }],
  });
  const [pixels] = images;
  assert.ok(pixels);
  return { ...pixels, format };
}

function hexAt({ width, data }: PixelImage, x: number, y: number): string {
  const pixel = 3 * (y * width + x);
  return `#${Buffer.from(data.subarray(pixel, pixel + 3)).toString('hex')}`;
}

const [width, height] = [60, 40];
const photo = await encodePicture({ width, height, data: new Uint8Array(width * height * 3).fill(0x80) }, 'png');
const draw = (results: readonly DrawnResult[], format: 'jpeg' | 'png' = 'png', bytes: Uint8Array = photo) =>
  drawOverlay(bytes, results, format, defaultImageLimits);

describe('drawOverlay', () => {
  it('draws every result in its own colour, and leaves the rest of the photo as it is', async () => {
    const overlay = await draw([
      { mask: encodeRle(columns(width, height, 5, 20)) },
      { mask: encodeUncompressedRle(columns(width, height, 30, 45)) },
      { mask: encodeRle(createMask(height, width)) },
    ]);
    assert.deepEqual([overlay.width, overlay.height, new Set(overlay.colours).size], [width, height, 3]);
    const pixels = await pixelsOf(overlay);
    assert.equal(pixels.format, 'png');
    assert.deepEqual([hexAt(pixels, 5, 20), hexAt(pixels, 30, 20)], overlay.colours.slice(0, 2));
    for (const x of [0, 4, 20, 29, 45, 59]) assert.equal(hexAt(pixels, x, 20), '#808080');
    assert.notEqual(hexAt(pixels, 12, 20), '#808080');
    assert.ok(!overlay.colours.includes(hexAt(pixels, 12, 20)), 'the photo shows through');
  });

  it('has sixteen colours for sixteen queries', async () => {
    const empty = { mask: encodeRle(createMask(height, width)) };
    const { colours } = await draw(Array.from({ length: 16 }, () => empty));
    assert.equal(new Set(colours).size, 16);
    for (const colour of colours) assert.match(colour, /^#[0-9a-f]{6}$/);
  });

  it('outlines the objects of a result where they are given', async () => {
    const overlay = await draw([
      {
        mask: encodeRle(columns(width, height, 10, 30)),
        instances: [
          { mask: encodeRle(columns(width, height, 10, 20)) },
          { mask: encodeRle(columns(width, height, 20, 30)) },
        ],
      },
    ]);
    const pixels = await pixelsOf(overlay);
    for (const x of [10, 19, 20, 29]) assert.equal(hexAt(pixels, x, 20), overlay.colours[0], `column ${x}`);
    assert.notEqual(hexAt(pixels, 15, 20), overlay.colours[0]);
  });

  it('scales large photos down, the masks with them', async () => {
    const [wide, high] = [2 * overlayLongestSide, 100];
    const large = await encodePicture({ width: wide, height: high, data: new Uint8Array(wide * high * 3) }, 'jpeg');
    const overlay = await draw([{ mask: encodeRle(columns(wide, high, wide / 2, wide)) }], 'jpeg', large);
    assert.deepEqual([overlay.width, overlay.height], [overlayLongestSide, 50]);
    const pixels = await pixelsOf(overlay);
    assert.equal(pixels.format, 'jpeg');
    assert.equal(hexAt(pixels, 500, 25), '#000000');
    assert.notEqual(hexAt(pixels, 1500, 25), '#000000');
  });
});
