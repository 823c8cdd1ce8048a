import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMask, maskArea, maskBoundingBox } from '@tessera/masks';
import fc from 'fast-check';
import type { Box } from '../vision/box.js';
import { paintRegionShape } from './region-shape.js';

const corner = fc.double({ min: 0, max: 1, noNaN: true });
const box = fc
  .tuple(corner, corner, corner, corner)
  .map(([a, b, c, d]): Box => [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)]);

describe('paintRegionShape', () => {
  it('has the area of an ellipse for exponent 2', () => {
    const mask = createMask(400, 600);
    paintRegionShape(mask, [0.25, 0.25, 0.75, 0.75], 2);
    assert.ok(Math.abs(maskArea(mask) / (Math.PI * 150 * 100) - 1) < 0.01);
    assert.deepEqual(maskBoundingBox(mask), [150, 100, 300, 200]);
  });

  it('fills the box for a large exponent', () => {
    const mask = createMask(40, 60);
    paintRegionShape(mask, [0.5, 0.25, 1, 0.75], 1000);
    assert.equal(maskArea(mask), 30 * 20);
  });

  it('sets the pixel centres inside of the curve, and at least one pixel', () => {
    const length = fc.integer({ min: 1, max: 30 });
    fc.assert(
      fc.property(
        box,
        length,
        length,
        fc.double({ min: 1, max: 8, noNaN: true }),
        (corners, width, height, exponent) => {
          const mask = createMask(height, width);
          paintRegionShape(mask, corners, exponent);
          const [x0, y0, x1, y1] = [corners[0] * width, corners[1] * height, corners[2] * width, corners[3] * height];
          const radius = (x: number, y: number): number =>
            Math.abs((2 * x - x0 - x1) / (x1 - x0)) ** exponent + Math.abs((2 * y - y0 - y1) / (y1 - y0)) ** exponent;
          let inside = 0;
          let paintedOutside = 0;
          for (let y = 0; y < height; y++) {
            for (let x = 0; x < width; x++) {
              const distance = radius(x + 0.5, y + 0.5);
              const painted = mask.data[y * width + x] ?? 0;
              if (distance < 1 - 1e-9) {
                inside += 1;
                assert.equal(painted, 1, `${x}, ${y}`);
              } else if (distance > 1 + 1e-9) {
                paintedOutside += painted;
              }
            }
          }
          assert.ok(paintedOutside <= (inside > 0 ? 0 : 1));
          assert.ok(maskArea(mask) >= 1);
        },
      ),
    );
  });
});
