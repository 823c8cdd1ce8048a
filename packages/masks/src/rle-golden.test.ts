import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { inflateSync } from 'node:zlib';
import { createMask, type BinaryMask } from './binary-mask.js';
import { maskArea, maskBoundingBox } from './measure.js';
import { intersectionOverUnion } from './overlap.js';
import { decodeRle, encodeRle } from './rle.js';

/** What training/golden/make_rle_vectors.py wrote: masks and the answers of pycocotools. */
interface Vector {
  size: [height: number, width: number];
  bits: string;
  counts: string;
  area: number;
  bbox: number[];
  iou?: number;
}

const vectors = JSON.parse(
  readFileSync(new URL('../test-vectors/rle.json', import.meta.url), 'utf8'),
) as readonly Vector[];

function unpack({ size: [height, width], bits }: Vector): BinaryMask {
  const packed = inflateSync(Buffer.from(bits, 'base64'));
  const mask = createMask(height, width);
  for (let index = 0; index < mask.data.length; index++) {
    mask.data[index] = ((packed[index >> 3] ?? 0) >> (7 - (index & 7))) & 1;
  }
  return mask;
}

describe('the answers of pycocotools', () => {
  const cases = vectors.map((vector) => ({ vector, mask: unpack(vector) }));

  it('are there for at least 1 000 masks and 500 pairs', () => {
    assert.ok(vectors.length >= 1000);
    assert.ok(vectors.filter(({ iou }) => iou !== undefined).length >= 500);
  });

  it('match every encoding', () => {
    for (const { vector, mask } of cases) {
      assert.deepEqual(encodeRle(mask), { size: vector.size, counts: vector.counts });
    }
  });

  it('match every decoding', () => {
    for (const { vector, mask } of cases) {
      assert.deepEqual(decodeRle(vector), mask);
    }
  });

  it('match every area and box', () => {
    for (const { vector, mask } of cases) {
      assert.equal(maskArea(mask), vector.area);
      assert.deepEqual(maskBoundingBox(mask), vector.bbox);
    }
  });

  it('match the IoU of every pair', () => {
    for (const [index, { vector, mask }] of cases.entries()) {
      const before = cases[index - 1]?.mask;
      if (vector.iou !== undefined && before !== undefined) {
        assert.equal(intersectionOverUnion(mask, before), vector.iou);
      }
    }
  });
});
