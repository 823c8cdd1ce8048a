import assert from 'node:assert/strict';
import { open, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { externalDataLocations } from './external-data.js';
import { temporaryDirectory } from './test-bundle.js';

const vector = (name: string) => fileURLToPath(new URL(`../test-vectors/${name}.onnx`, import.meta.url));

/** A field of bytes, as protobuf writes it. */
function field(number: number, ...content: readonly Buffer[]): Buffer {
  const value = Buffer.concat(content);
  return Buffer.concat([Buffer.from(varint(number * 8 + 2)), Buffer.from(varint(value.length)), value]);
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

/** TensorProto whose weights are elsewhere. */
const tensor = (location: string) => field(13, field(1, Buffer.from('location')), field(2, Buffer.from(location)));

test('locations are found wherever ONNX has tensors', async (t) => {
  const file = path.join(await temporaryDirectory(t), 'graph.onnx');
  const attribute = (...content: readonly Buffer[]) => field(1, field(5, ...content));
  const graph = [
    field(5, tensor('initializer')),
    field(15, field(1, tensor('sparse values')), field(2, tensor('sparse indices'))),
    attribute(field(5, tensor('attribute'))),
    attribute(field(10, tensor('attribute list')), field(10, tensor('attribute list'))),
    attribute(field(6, field(5, tensor('loop body')))),
    attribute(field(11, attribute(field(22, field(1, tensor('inner sparse')))))),
  ];
  const model = [
    field(7, ...graph),
    field(25, field(7, field(5, field(5, tensor('function'))))),
    field(20, field(1, field(5, tensor('training')))),
  ];
  await writeFile(file, Buffer.concat(model));
  assert.deepEqual(externalDataLocations(file).sort(), [
    'attribute',
    'attribute list',
    'function',
    'initializer',
    'inner sparse',
    'loop body',
    'sparse indices',
    'sparse values',
    'training',
  ]);
});

test('graphs of other tools', () => {
  assert.deepEqual(externalDataLocations(vector('external')), ['external.onnx.data']);
  assert.deepEqual(externalDataLocations(vector('countdown')), []);
});

test('what is no protobuf is refused', async (t) => {
  const file = path.join(await temporaryDirectory(t), 'graph.onnx');
  const nested = Array.from({ length: 200 }).reduce<Buffer>(
    (inner) => field(1, field(5, field(6, inner))),
    Buffer.of(),
  );
  const hostile = [
    Buffer.from('[]'),
    Buffer.of(0xff),
    Buffer.alloc(20, 0xff),
    field(7, Buffer.of(0x2a, 0x7f)),
    field(7, nested),
    field(7, field(5, tensor('x'.repeat(5000)))),
  ];
  for (const bytes of hostile) {
    await writeFile(file, bytes);
    assert.throws(() => externalDataLocations(file), RangeError, bytes.subarray(0, 8).toString('hex'));
  }
});

test('weights behind 4 GB are found', async (t) => {
  const file = path.join(await temporaryDirectory(t), 'graph.onnx');
  const skipped = 5 * 2 ** 30;
  const handle = await open(file, 'w');
  // Weights of 5 GiB that take no room on the disk.
  const head = Buffer.from([...varint(9 * 8 + 2), ...varint(skipped)]);
  await handle.write(head);
  await handle.write(field(7, field(5, tensor('far away'))), 0, undefined, head.length + skipped);
  await handle.close();
  assert.deepEqual(externalDataLocations(file), ['far away']);
});
