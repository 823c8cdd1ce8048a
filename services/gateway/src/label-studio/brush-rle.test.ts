import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMask, type BinaryMask } from '@tessera/masks';
import fc from 'fast-check';
import { encodeBrush } from './brush-rle.js';

/** Reads the format bit by bit, as thi.ng/rle-pack describes it; runs without a repetition included. */
function decode(bytes: Uint8Array): number[] {
  let place = 0;
  const read = (count: number) => {
    let value = 0;
    for (let bit = 0; bit < count; bit++, place++) {
      value = 2 * value + (((bytes[place >> 3] ?? assert.fail('the bits end early')) >> (7 - (place & 7))) & 1);
    }
    return value;
  };
  const count = read(32);
  const valueBits = read(5) + 1;
  const lengths = [0, 0, 0, 0].map(() => read(4) + 1);
  const values: number[] = [];
  while (values.length < count) {
    const isRun = read(1) === 1;
    const length = read(lengths[read(2)] ?? assert.fail()) + 1;
    const value = isRun ? read(valueBits) : undefined;
    for (let index = 0; index < length; index++) values.push(value ?? read(valueBits));
  }
  assert.equal(values.length, count, 'the runs fill the picture exactly');
  assert.ok(place > 8 * (bytes.length - 1), 'no bytes are left');
  return values;
}

function rgba({ data }: BinaryMask): number[] {
  return Array.from(data).flatMap((pixel) => Array<number>(4).fill(255 * pixel));
}

describe('a mask as a brush of Label Studio', () => {
  it('is 32, 5 and four times 4 bits, then runs', () => {
    const mask = createMask(1, 3, Uint8Array.of(0, 1, 1));
    const bits = Array.from(encodeBrush(mask), (byte) => byte.toString(2).padStart(8, '0')).join('');
    const head = '00000000000000000000000000001100' + '00111' + '0010' + '0011' + '0111' + '1111';
    // A run of four zeros, and one of eight values of 255, with three bits of length each.
    const runs = '1' + '00' + '011' + '00000000' + '1' + '00' + '111' + '11111111';
    assert.equal(bits, (head + runs).padEnd(88, '0'));
  });

  it('is read back exactly, whatever it is', () => {
    const masks = fc
      .tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }), fc.integer())
      .chain(([height, width]) =>
        fc
          .uint8Array({ minLength: height * width, maxLength: height * width, max: 1 })
          .map((data) => createMask(height, width, data)),
      );
    fc.assert(
      fc.property(masks, (mask) => {
        assert.deepEqual(decode(encodeBrush(mask)), rgba(mask));
      }),
    );
  });

  for (const length of [1, 2, 4, 5, 64, 65, 16_384, 16_385, 32_768, 100_000]) {
    it(`has runs of ${length} pixels`, () => {
      const mask = createMask(1, length + 2);
      mask.data.fill(1, 1, length + 1);
      assert.deepEqual(decode(encodeBrush(mask)), rgba(mask));
    });
  }

  it('is small when it is large and plain', () => {
    const mask = createMask(2_000, 3_000);
    for (let row = 500; row < 1_500; row++) mask.data.fill(1, row * 3_000 + 700, row * 3_000 + 2_300);
    assert.ok(encodeBrush(mask).length < 10_000);
  });
});
