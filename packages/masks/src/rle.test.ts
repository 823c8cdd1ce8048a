import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createMask, type BinaryMask } from './binary-mask.js';
import { anyMask, maskOf } from './mask-arbitraries.js';
import { decodeRle, encodeRle, encodeUncompressedRle, type UntrustedRle } from './rle.js';
import { RleError } from './rle-error.js';

/** Runs read off the definition, pixel by pixel down the columns. */
function runsByDefinition({ height, width, data }: BinaryMask): number[] {
  const runs = [0];
  for (let column = 0; column < width; column++) {
    for (let row = 0; row < height; row++) {
      if (data[row * width + column] !== (runs.length + 1) % 2) {
        runs.push(0);
      }
      runs[runs.length - 1] = (runs.at(-1) ?? 0) + 1;
    }
  }
  return runs;
}

/** The error that decoding throws for this RLE. */
function refusal(rle: UntrustedRle, maximumPixels?: number): string {
  try {
    decodeRle(rle, maximumPixels === undefined ? {} : { maximumPixels });
  } catch (error) {
    assert.ok(error instanceof RleError, String(error));
    return error.message;
  }
  return assert.fail(`${JSON.stringify(rle)} was accepted`);
}

describe('encoding', () => {
  const vectors: [name: string, mask: BinaryMask, counts: string, runs: number[]][] = [
    ['a column', maskOf('.', '.', '#', '#', '#', '.', '#'), '231N', [2, 3, 1, 1]],
    ['an empty mask', createMask(3, 4), '<', [12]],
    ['a full mask', maskOf('####', '####', '####'), '0<', [0, 12]],
    ['a rectangle', maskOf('.....', '.###.', '.###.', '.....'), '5220003', [5, 2, 2, 2, 2, 2, 5]],
    ['one pixel outside', createMask(1, 1), '1', [1]],
    ['one pixel inside', maskOf('#'), '01', [0, 1]],
  ];
  for (const [name, mask, counts, runs] of vectors) {
    it(`gives the known counts of ${name}`, () => {
      assert.deepEqual(encodeRle(mask), { size: [mask.height, mask.width], counts });
      assert.deepEqual(encodeUncompressedRle(mask), { size: [mask.height, mask.width], counts: runs });
    });
  }

  it('follows the definition for any mask', () => {
    fc.assert(
      fc.property(anyMask, (mask) => {
        assert.deepEqual(encodeUncompressedRle(mask).counts, runsByDefinition(mask));
      }),
      { numRuns: 500 },
    );
  });

  it('reads masks at any offset of a larger buffer', () => {
    const buffer = new Uint8Array(64).fill(1);
    for (let offset = 0; offset < 8; offset++) {
      const mask = createMask(5, 7, buffer.subarray(offset, offset + 35));
      assert.deepEqual(encodeUncompressedRle(mask).counts, [0, 35]);
    }
  });

  it('refuses bytes that do not fill the size', () => {
    assert.throws(() => encodeRle({ height: 2, width: 2, data: new Uint8Array(3) }), RangeError);
    assert.throws(() => encodeRle({ height: 0, width: 2, data: new Uint8Array(0) }), RangeError);
    assert.throws(() => createMask(2 ** 20, 2 ** 20), RangeError);
  });
});

describe('decoding', () => {
  it('gives back any encoded mask', () => {
    fc.assert(
      fc.property(anyMask, (mask) => {
        for (const rle of [encodeRle(mask), encodeUncompressedRle(mask)]) {
          assert.deepEqual(decodeRle(rle), mask);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('carries runs of every length that five bits a character can meet', () => {
    const width = 1000;
    for (const length of [15, 16, 511, 512, 16_383, 16_384, 524_287, 524_288]) {
      const mask = createMask(1000, width);
      for (let position = length; position < 2 * length && position < 1_000_000; position++) {
        mask.data[(position % 1000) * width + Math.floor(position / 1000)] = 1;
      }
      assert.deepEqual(decodeRle(encodeRle(mask)), mask);
    }
  });

  it('accepts runs of no length, as pycocotools does', () => {
    assert.deepEqual(decodeRle({ size: [1, 4], counts: [1, 1, 0, 1, 1] }), maskOf('.##.'));
    assert.deepEqual(decodeRle({ size: [2, 2], counts: [1, 0, 3] }), createMask(2, 2));
    assert.deepEqual(decodeRle({ size: [2, 2], counts: [1, 3, 0] }), maskOf('.#', '##'));
  });

  const hostile: [name: string, rle: UntrustedRle, message: RegExp][] = [
    ['a character below the alphabet', { size: [3, 4], counts: '/' }, /invalid character at index 0/],
    ['a character above the alphabet', { size: [3, 4], counts: '0p' }, /invalid character at index 1/],
    ['a character beyond Latin-1', { size: [3, 4], counts: '\u{13c}' }, /invalid character at index 0/],
    ['a group that is cut off', { size: [3, 4], counts: 'P' }, /end in the middle/],
    ['a group of seven characters', { size: [3, 4], counts: 'PPPPPPP0' }, /longer than 6/],
    ['a negative run', { size: [3, 4], counts: 'N' }, /Run 0 is negative/],
    ['a run made negative by its difference', { size: [3, 4], counts: '231K' }, /Run 3 is negative/],
    ['the most negative number', { size: [3, 4], counts: 'PPPPP@' }, /Run 0 is negative/],
    ['the largest number', { size: [3, 4], counts: 'ooooo?' }, /more pixels than the mask/],
    ['too few pixels', { size: [3, 4], counts: ';' }, /leave 1 pixels/],
    ['too many pixels', { size: [3, 4], counts: '=' }, /more pixels than the mask/],
    ['no counts', { size: [3, 4], counts: '' }, /leave 12 pixels/],
    ['more runs than pixels', { size: [1, 2], counts: '0000' }, /more runs/],
    ['more listed runs than pixels', { size: [1, 2], counts: [0, 0, 0, 2] }, /more runs/],
    ['a listed negative run', { size: [1, 2], counts: [-1, 3] }, /Run 0 is negative/],
    ['a fraction', { size: [1, 2], counts: [0.5, 1.5] }, /Run 0 is not an integer/],
    ['a run that is not a number', { size: [1, 2], counts: [2, '0'] }, /Run 1 is not an integer/],
    ['an infinite run', { size: [1, 2], counts: [Infinity] }, /Run 0 is not an integer/],
    ['counts of another type', { size: [1, 2], counts: { length: 1 } }, /neither a string nor a list/],
    ['a size that is missing', { size: undefined, counts: '2' }, /size/],
    ['a size of three numbers', { size: [1, 2, 3], counts: '6' }, /size/],
    ['a size of strings', { size: ['1', '2'], counts: '2' }, /size/],
    ['a negative size', { size: [-1, -2], counts: '2' }, /size/],
    ['a fractional size', { size: [0.5, 4], counts: '2' }, /size/],
    ['a size of nothing', { size: [0, 4], counts: '' }, /size/],
    ['a size beyond integers', { size: [1e200, 1e200], counts: '2' }, /size/],
    ['a size beyond 32 bits', { size: [65_536, 65_537], counts: '2' }, /size/],
    ['a size over the limit', { size: [20_000, 20_000], counts: '2' }, /over the limit of 40000000/],
  ];
  for (const [name, rle, message] of hostile) {
    it(`refuses ${name}`, () => {
      assert.match(refusal(rle), message);
    });
  }

  it('takes its pixel limit from the caller', () => {
    assert.match(refusal({ size: [3, 4], counts: '<' }, 11), /limit of 11/);
    assert.equal(decodeRle({ size: [3, 4], counts: '<' }, { maximumPixels: 12 }).data.length, 12);
  });

  it('never fails but with an RleError, whatever it is sent', () => {
    const alphabet = fc.integer({ min: 40, max: 120 }).map((code) => String.fromCharCode(code));
    const counts = fc.oneof(
      fc.string({ unit: alphabet, maxLength: 40 }),
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.array(fc.oneof(fc.integer(), fc.nat(40), fc.double()), { maxLength: 20 }),
      fc.anything(),
    );
    const size = fc.oneof(fc.tuple(fc.nat(30), fc.nat(30)), fc.array(fc.integer(), { maxLength: 3 }), fc.anything());
    fc.assert(
      fc.property(size, counts, (anySize, anyCounts) => {
        try {
          const mask = decodeRle({ size: anySize, counts: anyCounts }, { maximumPixels: 1000 });
          assert.deepEqual(decodeRle(encodeRle(mask)), mask);
        } catch (error) {
          assert.ok(error instanceof RleError, String(error));
        }
      }),
      { numRuns: 5000 },
    );
  });

  it('does not allocate for what it refuses', () => {
    const before = process.memoryUsage().arrayBuffers;
    const refused = Array.from({ length: 50 }, (_, index) => {
      const rle = { size: [5000, 8000], counts: index % 2 === 0 ? '0'.repeat(index) : Array<number>(index).fill(0) };
      return refusal(rle);
    });
    assert.equal(refused.length, 50);
    assert.ok(process.memoryUsage().arrayBuffers - before < 1_000_000);
  });
});
