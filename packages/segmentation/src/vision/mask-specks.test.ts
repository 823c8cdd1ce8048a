import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MaskLogits } from './mask-logits.js';
import { removeSpecks } from './mask-specks.js';

const side = 32;

/** A grid whose upper left part is the image; `#` is inside. Each character stands for 2 × 2 cells. */
function drawn(rows: readonly string[]): MaskLogits {
  const data = new Float32Array(side * side).fill(-3);
  for (const [y, row] of rows.entries()) {
    for (let x = 0; x < row.length; x += 1) {
      for (const cell of [0, 1, side, side + 1]) data[2 * y * side + 2 * x + cell] = row[x] === '#' ? 5 : -3;
    }
  }
  const imageWidth = Math.max(...rows.map(({ length }) => length)) / (side / 2);
  return { data, side, imageWidth, imageHeight: rows.length / (side / 2) };
}

const speckled = [
  '#...............',
  '................',
  '..############..',
  '..############..',
  '..####.#######..',
  '..############..',
  '..############..',
  '................',
  '.............##.',
  '.............##.',
  '................',
  '................',
];
const clean = speckled.map((row, y) => (y === 0 ? '................' : row.replace('####.#', '######')));

describe('the specks of a mask', () => {
  it('go, and its small holes are filled; a part of a size stays', () => {
    const mask = drawn(speckled);
    removeSpecks(mask);
    const expected = drawn(clean);
    for (const [cell, logit] of mask.data.entries()) {
      assert.equal(logit > 0, (expected.data[cell] ?? 0) > 0, `cell ${cell % side}, ${Math.floor(cell / side)}`);
    }
  });

  it('go with the holes in them', () => {
    const mask = drawn(speckled);
    for (const cell of [2, side, side + 2, 2 * side, 2 * side + 1, 2 * side + 2]) mask.data[cell] = 4;
    mask.data[side + 1] = -1;
    removeSpecks(mask);
    assert.ok(mask.data.subarray(0, 3 * side).every((logit) => logit <= 0));
  });

  it('stay where a point of the prompt is', () => {
    const mask = drawn(speckled);
    const before = Float32Array.from(mask.data);
    removeSpecks(mask, [
      { x: 0.5 / 16, y: 0.5 / 12, isOnObject: true },
      { x: 6.5 / 16, y: 4.5 / 12, isOnObject: false },
    ]);
    assert.deepEqual(mask.data, before);
    // Points of the other kind change nothing.
    removeSpecks(mask, [
      { x: 0.5 / 16, y: 0.5 / 12, isOnObject: false },
      { x: 6.5 / 16, y: 4.5 / 12, isOnObject: true },
    ]);
    assert.notDeepEqual(mask.data, before);
  });

  it('are left alone in a mask of nothing, of everything, and where a gap reaches the edge', () => {
    const gap = speckled.map((_, y) => (y === 0 ? '#####.##########' : '################'));
    for (const rows of [speckled.map(() => '.'.repeat(16)), speckled.map(() => '#'.repeat(16)), gap]) {
      const mask = drawn(rows);
      const before = Float32Array.from(mask.data);
      removeSpecks(mask, [{ x: 1, y: 1, isOnObject: true }]);
      assert.deepEqual(mask.data, before);
    }
  });

  it('ignore what lies beyond the image', () => {
    const mask = drawn(speckled);
    const beyond = 31 * side + 31;
    mask.data[beyond] = 7;
    removeSpecks(mask);
    assert.equal(mask.data[beyond], 7);
  });
});
