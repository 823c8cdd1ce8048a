import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMask, maskArea } from '@tessera/masks';
import fc from 'fast-check';
import type { MaskLogits } from '../vision/mask-logits.js';
import { paintLogits } from './mask-upsampling.js';

/** The textbook way: one logit a pixel. */
function logitAt({ data, side, imageWidth, imageHeight }: MaskLogits, x: number, y: number, w: number, h: number) {
  const clamp = (value: number): number => Math.min(side - 1, Math.max(0, value));
  const column = clamp(((x + 0.5) / w) * imageWidth * side - 0.5);
  const row = clamp(((y + 0.5) / h) * imageHeight * side - 0.5);
  const at = (r: number, c: number): number => data[clamp(r) * side + clamp(c)] ?? NaN;
  const [left, top] = [Math.floor(column), Math.floor(row)];
  const [alongX, alongY] = [column - left, row - top];
  const upper = at(top, left) * (1 - alongX) + at(top, left + 1) * alongX;
  const lower = at(top + 1, left) * (1 - alongX) + at(top + 1, left + 1) * alongX;
  return upper * (1 - alongY) + lower * alongY;
}

describe('paintLogits', () => {
  it('sets exactly the pixels whose interpolated logit is above 0', () => {
    const square = fc.integer({ min: 1, max: 9 }).chain((side) =>
      fc.record({
        side: fc.constant(side),
        data: fc
          .array(fc.integer({ min: -20, max: 20 }), { minLength: side * side, maxLength: side * side })
          .map((values) => Float32Array.from(values)),
        imageWidth: fc.double({ min: 0.05, max: 1, noNaN: true }),
        imageHeight: fc.double({ min: 0.05, max: 1, noNaN: true }),
      }),
    );
    const length = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(square, length, length, (logits, width, height) => {
        const mask = createMask(height, width);
        paintLogits(mask, logits);
        for (let y = 0; y < height; y++) {
          for (let x = 0; x < width; x++) {
            const logit = logitAt(logits, x, y, width, height);
            // Rounding decides where the surface touches 0.
            if (Math.abs(logit) > 1e-6) assert.equal(mask.data[y * width + x], logit > 0 ? 1 : 0, `${x}, ${y}`);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it('adds to what is there', () => {
    const mask = createMask(4, 4);
    mask.data[0] = 1;
    paintLogits(mask, { data: new Float32Array([-1]), side: 1, imageWidth: 1, imageHeight: 1 });
    assert.equal(maskArea(mask), 1);
    paintLogits(mask, { data: new Float32Array([1]), side: 1, imageWidth: 1, imageHeight: 1 });
    assert.equal(maskArea(mask), 16);
  });

  it('paints 40 megapixels in well under a second', () => {
    const side = 256;
    const data = Float32Array.from({ length: side * side }, (_, index) => Math.sin(index / 7) + Math.cos(index / 1999));
    const mask = createMask(5000, 8000);
    const start = performance.now();
    paintLogits(mask, { data, side, imageWidth: 1, imageHeight: 0.625 });
    const elapsedMs = performance.now() - start;
    assert.ok(elapsedMs < 1000, `${elapsedMs} ms`);
    assert.ok(maskArea(mask) > 0);
  });
});
