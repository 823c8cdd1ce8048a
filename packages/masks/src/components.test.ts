import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createMask, type BinaryMask } from './binary-mask.js';
import { componentMask, connectedComponents } from './components.js';
import { anyMask, maskOf } from './mask-arbitraries.js';
import { unionOfMasks } from './overlap.js';

/** Labels by flooding from each unlabelled pixel in reading order. */
function labelsByFlooding({ height, width, data }: BinaryMask): Uint32Array {
  const labels = new Uint32Array(data.length);
  let count = 0;
  for (let seed = 0; seed < data.length; seed++) {
    if (data[seed] !== 1 || labels[seed] !== 0) {
      continue;
    }
    count++;
    const queue = [seed];
    labels[seed] = count;
    for (let pixel = queue.pop(); pixel !== undefined; pixel = queue.pop()) {
      const row = Math.floor(pixel / width);
      const column = pixel % width;
      for (let y = Math.max(row - 1, 0); y <= Math.min(row + 1, height - 1); y++) {
        for (let x = Math.max(column - 1, 0); x <= Math.min(column + 1, width - 1); x++) {
          const neighbour = y * width + x;
          if (data[neighbour] === 1 && labels[neighbour] === 0) {
            labels[neighbour] = count;
            queue.push(neighbour);
          }
        }
      }
    }
  }
  return labels;
}

describe('connected components', () => {
  it('join at edges and corners', () => {
    const components = connectedComponents(maskOf('#..##', '.#...', '...#.', '....#'));
    assert.equal(components.count, 3);
    assert.deepEqual([...components.areas], [0, 2, 2, 2]);
  });

  it('join late, where a U closes at its bottom', () => {
    const components = connectedComponents(maskOf('#.#.#', '#.#.#', '###.#', '..###'));
    assert.equal(components.count, 1);
  });

  it('do not join across the ends of rows', () => {
    assert.equal(connectedComponents(maskOf('..#', '#..', '..#')).count, 3);
  });

  it('are none in an empty mask', () => {
    assert.equal(connectedComponents(createMask(3, 3)).count, 0);
  });

  it('are those that flooding finds, in reading order', () => {
    fc.assert(
      fc.property(anyMask, (mask) => {
        assert.deepEqual(connectedComponents(mask).labels, labelsByFlooding(mask));
      }),
      { numRuns: 1000 },
    );
  });

  it('partition the mask', () => {
    fc.assert(
      fc.property(anyMask, (mask) => {
        const components = connectedComponents(mask);
        const parts = Array.from({ length: components.count }, (_, index) => componentMask(components, index + 1));
        assert.deepEqual(unionOfMasks([createMask(mask.height, mask.width), ...parts]), mask);
        assert.deepEqual(
          parts.map(({ data }) => data.reduce((sum, pixel) => sum + pixel, 0)),
          [...components.areas.subarray(1)],
        );
        assert.equal(
          components.areas.reduce((sum, area) => sum + area, 0),
          mask.data.reduce((sum, pixel) => sum + pixel, 0),
        );
      }),
    );
  });

  it('number a million isolated pixels', () => {
    const mask = createMask(2000, 2000);
    for (let row = 0; row < 2000; row += 2) {
      for (let column = 0; column < 2000; column += 2) {
        mask.data[row * 2000 + column] = 1;
      }
    }
    assert.equal(connectedComponents(mask).count, 1_000_000);
  });

  it('have no mask beyond the last', () => {
    const components = connectedComponents(maskOf('#'));
    for (const label of [0, 2, 0.5]) {
      assert.throws(() => componentMask(components, label), RangeError);
    }
  });
});
