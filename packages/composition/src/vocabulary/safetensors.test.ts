import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { toHalfFloats } from '../scoring/half-float.js';
import {
  readSafetensors,
  SafetensorsError,
  tensorValues,
  writeSafetensors,
  type WritableTensor,
} from './safetensors.js';

/** A file from the text of its header and its data. */
function fileOf(header: string | Uint8Array, data = new Uint8Array()): Uint8Array {
  const text = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, data]);
}

/** Any UTF-16, lone surrogates included; fast-check's own unit for that takes seconds to build. */
const anyString = fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)) });
const float = fc.float({ noNaN: true });
const values = fc.oneof(
  fc.array(float).map((items) => Float32Array.from(items)),
  fc.array(float).map((items) => toHalfFloats(Float32Array.from(items))),
);
const tensor = values.map((items): WritableTensor => ({ shape: [1, items.length], values: items }));
const name = anyString.filter((text) => text !== '__metadata__' && !/\p{Cs}/u.test(text));
const tensors = fc.array(fc.tuple(name, tensor), { maxLength: 5 }).map((entries) => new Map(entries));
const metadata = fc.array(fc.tuple(name, name), { maxLength: 5 }).map((entries) => new Map(entries));

describe('writeSafetensors', () => {
  it('writes what readSafetensors reads', () => {
    fc.assert(
      fc.property(tensors, metadata, (written, texts) => {
        const file = readSafetensors(writeSafetensors(written, texts));
        assert.deepEqual(file.metadata, texts);
        assert.deepEqual([...file.tensors.keys()].sort(), [...written.keys()].sort());
        for (const [key, { shape, values: expected }] of written) {
          const stored = file.tensors.get(key);
          assert.deepEqual(stored?.shape, shape);
          assert.equal(stored.type, expected instanceof Float32Array ? 'F32' : 'F16');
          const bytes = new Uint8Array(stored.bytes);
          assert.deepEqual(
            expected instanceof Float32Array ? new Float32Array(bytes.buffer) : new Uint16Array(bytes.buffer),
            expected,
          );
          if (expected instanceof Float32Array) assert.deepEqual(tensorValues(stored), expected);
        }
      }),
    );
  });

  it('writes 64-bit integers as they are', () => {
    const file = writeSafetensors(
      new Map([['ids', { shape: [2], values: BigInt64Array.of(-1n, 2n ** 40n) }]]),
      new Map(),
    );
    const ids = readSafetensors(file).tensors.get('ids');
    assert.equal(ids?.type, 'I64');
    assert.deepEqual(new BigInt64Array(new Uint8Array(ids.bytes).buffer), BigInt64Array.of(-1n, 2n ** 40n));
  });

  it('refuses values that do not fill the shape', () => {
    const wrong = new Map([['a', { shape: [2, 2], values: new Float32Array(3) }]]);
    assert.throws(() => writeSafetensors(wrong, new Map()), SafetensorsError);
  });
});

describe('readSafetensors', () => {
  it('reads a file written by hand, byte by byte', () => {
    const header = '{"__metadata__":{"k":"v"},"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}  ';
    const file = readSafetensors(fileOf(header, Uint8Array.of(0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0)));
    assert.equal(file.metadata.get('k'), 'v');
    const stored = file.tensors.get('t');
    assert.ok(stored);
    assert.deepEqual(tensorValues(stored), Float32Array.of(1, -2));
  });

  it('reads bfloat16 and half precision, and no integers, as floats', () => {
    const bytes = Uint8Array.of(0x80, 0x3f, 0x00, 0xc0);
    assert.deepEqual(tensorValues({ type: 'BF16', shape: [2], bytes }), Float32Array.of(1, -2));
    assert.deepEqual(tensorValues({ type: 'F16', shape: [2], bytes }), Float32Array.of(1.875, -2));
    assert.throws(() => tensorValues({ type: 'I16', shape: [2], bytes }), SafetensorsError);
  });

  it('reads values at any address', () => {
    const bytes = Buffer.from([9, 0, 0, 0x80, 0x3f]).subarray(1);
    assert.deepEqual(tensorValues({ type: 'F32', shape: [1], bytes }), Float32Array.of(1));
  });

  const tensorHeader = (fields: object) =>
    JSON.stringify({ t: { dtype: 'F32', shape: [1], data_offsets: [0, 4], ...fields } });
  const refused: [what: string, file: Uint8Array][] = [
    ['nothing', new Uint8Array()],
    ['a cut header length', new Uint8Array(7)],
    ['a header longer than the file', Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255, 123)],
    ['a header that is not JSON', fileOf('{')],
    ['a header that is not UTF-8', fileOf(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d))],
    ['a header that is an array', fileOf('[]')],
    ['metadata that is no object', fileOf('{"__metadata__":[]}')],
    ['metadata that is no text', fileOf('{"__metadata__":{"a":1}}')],
    ['an unknown dtype', fileOf(tensorHeader({ dtype: 'toString' }), new Uint8Array(4))],
    ['a negative size', fileOf(tensorHeader({ shape: [-1, -1] }), new Uint8Array(4))],
    ['a broken size', fileOf(tensorHeader({ shape: [0.5, 2] }), new Uint8Array(4))],
    ['sizes whose product overflows', fileOf(tensorHeader({ shape: [2 ** 52, 2 ** 52] }), new Uint8Array(4))],
    ['too many dimensions', fileOf(tensorHeader({ shape: Array<number>(17).fill(1) }), new Uint8Array(4))],
    ['a shape that does not fill its range', fileOf(tensorHeader({ shape: [2] }), new Uint8Array(4))],
    ['a range outside of the file', fileOf(tensorHeader({ data_offsets: [0, 4] }), new Uint8Array(3))],
    ['a range that runs backwards', fileOf(tensorHeader({ shape: [0], data_offsets: [4, 0] }), new Uint8Array(4))],
    ['a gap before a tensor', fileOf(tensorHeader({ data_offsets: [4, 8] }), new Uint8Array(8))],
    ['bytes after the last tensor', fileOf(tensorHeader({}), new Uint8Array(5))],
    [
      'tensors that overlap',
      fileOf(
        JSON.stringify({
          a: { dtype: 'U8', shape: [4], data_offsets: [0, 4] },
          b: { dtype: 'U8', shape: [2], data_offsets: [2, 4] },
        }),
        new Uint8Array(4),
      ),
    ],
  ];
  for (const [what, file] of refused) {
    it(`refuses ${what}`, () => {
      assert.throws(() => readSafetensors(file), SafetensorsError);
    });
  }

  it('refuses or reads any bytes, and nothing else happens', () => {
    const valid = writeSafetensors(
      new Map([['t', { shape: [3], values: Float32Array.of(1, 2, 3) }]]),
      new Map([['a', 'b']]),
    );
    const change = fc.tuple(fc.nat(valid.length - 1), fc.nat(255));
    const damaged = fc.tuple(fc.array(change, { maxLength: 4 }), fc.nat(valid.length)).map(([changes, length]) => {
      const copy = Uint8Array.from(valid);
      for (const [position, byte] of changes) copy[position] = byte;
      return copy.subarray(0, length);
    });
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array()), (file) => {
        try {
          readSafetensors(file);
        } catch (error) {
          assert.ok(error instanceof SafetensorsError, String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });
});
