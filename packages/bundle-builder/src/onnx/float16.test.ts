import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { fromFloat16Bits, toFloat16Bits } from './float16.js';

// Value and bits, worked out from the IEEE 754 binary16 layout.
const knownPairs: readonly (readonly [number, number])[] = [
  [0, 0x0000],
  [-0, 0x8000],
  [1, 0x3c00],
  [-2, 0xc000],
  [65504, 0x7bff],
  [2 ** -14, 0x0400],
  [2 ** -24, 0x0001],
  [1023 * 2 ** -24, 0x03ff],
  [Infinity, 0x7c00],
  [-Infinity, 0xfc00],
];

test('known values have their known bits, in both directions', () => {
  for (const [value, bits] of knownPairs) {
    assert.equal(toFloat16Bits(value), bits);
    assert.ok(Object.is(fromFloat16Bits(bits), value));
  }
});

test('every bit pattern but NaN survives the way to a number and back', () => {
  for (let bits = 0; bits < 0x10000; bits += 1) {
    const value = fromFloat16Bits(bits);
    if (!Number.isNaN(value)) assert.equal(toFloat16Bits(value), bits);
  }
});

test('ties go to the even neighbour, and carry into the exponent', () => {
  assert.equal(toFloat16Bits(1 + 1 / 2048), 0x3c00);
  assert.equal(toFloat16Bits(1 + 3 / 2048), 0x3c02);
  assert.equal(toFloat16Bits(2 - 1 / 2048), 0x4000);
  assert.equal(toFloat16Bits(65519), 0x7bff);
  assert.equal(toFloat16Bits(65520), 0x7c00);
  assert.equal(toFloat16Bits(2 ** -25), 0x0000);
  assert.ok(Number.isNaN(fromFloat16Bits(toFloat16Bits(NaN))));
});

test('no other half is nearer than the one chosen', () => {
  fc.assert(
    fc.property(fc.float({ min: -65000, max: 65000, noNaN: true }), (value) => {
      const bits = toFloat16Bits(value);
      const error = Math.abs(fromFloat16Bits(bits) - value);
      for (const neighbour of [bits - 1, bits + 1]) {
        const other = fromFloat16Bits(neighbour & 0xffff);
        assert.ok(Number.isNaN(other) || Math.abs(other - value) >= error);
      }
    }),
  );
});
