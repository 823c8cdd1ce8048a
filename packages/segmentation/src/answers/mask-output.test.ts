import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMask } from '@tessera/masks';
import { formatMask } from './mask-output.js';

// Rows 1–2, columns 1–3 of 4 × 5: the documented example of COCO's format.
const mask = createMask(4, 5);
for (const row of [1, 2]) mask.data.fill(1, row * 5 + 1, row * 5 + 4);

describe('formatMask', () => {
  it('rle: compressed counts', () => {
    assert.deepEqual(formatMask(mask, { format: 'rle' }), { size: [4, 5], counts: '5220003' });
  });

  it('rle_uncompressed: runs down the columns', () => {
    assert.deepEqual(formatMask(mask, { format: 'rle_uncompressed' }), { size: [4, 5], counts: [5, 2, 2, 2, 2, 2, 5] });
  });

  it('polygon: one closed contour', () => {
    assert.deepEqual(formatMask(mask, { format: 'polygon' }), { size: [4, 5], polygons: [[1, 1, 4, 1, 4, 3, 1, 3]] });
  });

  it('polygon with a tolerance: fewer points', () => {
    const slope = createMask(20, 20);
    for (let index = 0; index < 400; index++) slope.data[index] = index % 20 > Math.floor(index / 20) ? 1 : 0;
    const pointsAt = (tolerance?: number) => {
      const formatted = formatMask(slope, { format: 'polygon', ...(tolerance === undefined ? {} : { tolerance }) });
      assert.ok('polygons' in formatted);
      return formatted.polygons.flat().length / 2;
    };
    assert.deepEqual([pointsAt(0), pointsAt(1)], [40, 3]);
    assert.equal(pointsAt(), pointsAt(1), 'a pixel by default');
  });

  it('png: a data URL', () => {
    const formatted = formatMask(mask, { format: 'png' });
    assert.ok('png' in formatted);
    const bytes = Buffer.from(formatted.png.replace('data:image/png;base64,', ''), 'base64');
    assert.equal(bytes.subarray(1, 4).toString(), 'PNG');
    assert.deepEqual([bytes.readUInt32BE(16), bytes.readUInt32BE(20)], [5, 4]);
  });

  it('refuses polygons of a mask whose outline is too intricate', () => {
    const noise = createMask(1500, 1500);
    for (let index = 0; index < noise.data.length; index++) {
      noise.data[index] = (Math.floor(index / 1500) + index) % 2;
    }
    assert.throws(() => formatMask(noise, { format: 'polygon' }), {
      name: 'TesseraError',
      code: 'TSR_OPTION_UNSUPPORTED',
    });
  });
});
