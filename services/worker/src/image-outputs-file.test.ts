import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostTensor, ImageOutputs } from '@tessera/inference';
import fc from 'fast-check';
import { decodeOutputs, encodeOutputs } from './image-outputs-file.js';

const tensor = (): fc.Arbitrary<HostTensor> =>
  fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 5 })).chain(([rows, width]): fc.Arbitrary<HostTensor> => {
    const [dims, count] = [[rows, width], { minLength: rows * width, maxLength: rows * width }];
    return fc.oneof(
      fc.float32Array(count).map((data): HostTensor => ({ type: 'float32', dims, data })),
      fc.uint16Array(count).map((data): HostTensor => ({ type: 'float16', dims, data })),
      fc.bigInt64Array(count).map((data): HostTensor => ({ type: 'int64', dims, data })),
    );
  });
const outputs = (): fc.Arbitrary<ImageOutputs> =>
  fc.record(
    {
      size: fc.record({ width: fc.integer({ min: 1, max: 1e6 }), height: fc.integer({ min: 1, max: 1e6 }) }),
      tensors: fc.dictionary(
        fc.string({ minLength: 1 }).filter((name) => name !== '__proto__'),
        tensor(),
      ),
    },
    { requiredKeys: ['tensors'] },
  );

/** With tensors as lists, since equal values of empty ones and of NaN are equal here. */
const listed = ({ size, tensors }: ImageOutputs) => ({
  size: size && { ...size },
  tensors: Object.fromEntries(
    Object.entries(tensors).map(([name, { type, dims, data }]) => [
      name,
      { type, dims, data: [...(data as Iterable<number | bigint>)] },
    ]),
  ),
});

test('outputs come back as they were', () => {
  fc.assert(
    fc.property(outputs(), (given) => {
      assert.deepEqual(listed(decodeOutputs(encodeOutputs(given)) ?? assert.fail()), listed(given));
    }),
  );
});

test('outputs come back from a place in memory that is aligned for no type', () => {
  const given: ImageOutputs = { tensors: { a: { type: 'int64', dims: [1], data: BigInt64Array.of(5n) } } };
  const bytes = encodeOutputs(given);
  for (let offset = 0; offset < 8; offset++) {
    const moved = new Uint8Array(bytes.length + 8);
    moved.set(bytes, offset);
    assert.deepEqual(decodeOutputs(moved.subarray(offset, offset + bytes.length)), given);
  }
});

test('bytes that were cut off, changed or are of something else hold nothing', () => {
  fc.assert(
    fc.property(outputs(), fc.nat(), fc.nat({ max: 7 }), (given, place, bit) => {
      const bytes = encodeOutputs(given);
      assert.equal(decodeOutputs(bytes.subarray(0, place % bytes.length)), undefined);
      const changed = Uint8Array.from(bytes);
      changed[place % bytes.length] = (bytes[place % bytes.length] ?? 0) ^ (1 << bit);
      assert.equal(decodeOutputs(changed), undefined);
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.equal(decodeOutputs(bytes), undefined);
    }),
  );
});

test('tensors of other types are refused', () => {
  assert.throws(
    () => encodeOutputs({ tensors: { image: { type: 'uint8', dims: [1], data: Uint8Array.of(1) } } }),
    TypeError,
  );
});
