import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fromHalfFloats, toHalfFloats } from './half-float.js';

const everyHalf = Uint16Array.from({ length: 0x1_00_00 }, (_, half) => half);
const everyValue = fromHalfFloats(everyHalf);
/** Non-negative finite halves, ascending. */
const grid = everyValue.slice(0, 0x7c00);

describe('half floats', () => {
  it('have the values of the standard', () => {
    const known: [bits: number, value: number][] = [
      [0x0000, 0],
      [0x0001, 2 ** -24],
      [0x03ff, 1023 * 2 ** -24],
      [0x0400, 2 ** -14],
      [0x3555, 0.333251953125],
      [0x3c00, 1],
      [0xc000, -2],
      [0x7bff, 65504],
      [0x7c00, Infinity],
      [0xfc00, -Infinity],
    ];
    for (const [bits, value] of known) assert.equal(everyValue[bits], value);
    assert.ok(Number.isNaN(everyValue[0x7e00]));
    assert.ok(Object.is(everyValue[0x8000], -0));
  });

  it('survive the way there and back, but for the payloads of NaN', () => {
    const back = toHalfFloats(everyValue);
    for (const [half, value] of everyValue.entries()) if (!Number.isNaN(value)) assert.equal(back[half], half);
    assert.ok(fromHalfFloats(toHalfFloats(Float32Array.of(NaN))).every(Number.isNaN));
  });

  it('are the nearest ones, ties going to even bits', () => {
    const anyMagnitude = fc.float({ min: 0, max: 65519, noNaN: true });
    const betweenHalves = fc.nat(grid.length - 2).map((index) => ((grid[index] ?? 0) + (grid[index + 1] ?? 0)) / 2);
    fc.assert(
      fc.property(fc.oneof(anyMagnitude, betweenHalves), fc.boolean(), (magnitude, isNegative) => {
        const [bits = 0] = toHalfFloats(Float32Array.of(isNegative ? -magnitude : magnitude));
        assert.equal(bits >>> 15, isNegative ? 1 : 0);
        const index = bits & 0x7fff;
        const distance = (neighbour: number) => Math.abs((grid[neighbour] ?? Infinity) - magnitude);
        for (const neighbour of [index - 1, index + 1]) {
          assert.ok(distance(index) <= distance(neighbour));
          if (distance(index) === distance(neighbour)) assert.equal(index % 2, 0);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('overflow to infinity', () => {
    assert.deepEqual(
      [...fromHalfFloats(toHalfFloats(Float32Array.of(65519, 65520, -1e30)))],
      [65504, Infinity, -Infinity],
    );
  });
});
