import assert from 'node:assert/strict';
import { test } from 'node:test';

import { GraphBuilder } from '../onnx/graph-builder.js';
import { convertGraphModel } from './convert.js';
import { parseGraphModel } from './graph-model.js';

function topology(weights: readonly object[], node: readonly object[] = []): string {
  return JSON.stringify({ modelTopology: { node }, weightsManifest: [{ weights }] });
}

test('weights are read in the order of the manifest, float16 ones widened', () => {
  const manifest = [
    { name: 'half', shape: [3], dtype: 'float32', quantization: { dtype: 'float16' } },
    { name: 'whole', shape: [], dtype: 'int32' },
    { name: 'float', shape: [1, 2], dtype: 'float32' },
  ];
  const data = Buffer.concat([
    new Uint8Array(Uint16Array.of(0x3c00, 0xc000, 0x3555).buffer),
    new Uint8Array(Int32Array.of(-7).buffer),
    new Uint8Array(Float32Array.of(0.5, -3).buffer),
  ]);
  const { weights } = parseGraphModel(topology(manifest), data);
  assert.deepEqual(weights.get('half'), { shape: [3], values: Float32Array.of(1, -2, 1365 / 4096) });
  assert.deepEqual(weights.get('whole'), { shape: [], values: Int32Array.of(-7) });
  assert.deepEqual(weights.get('float'), { shape: [1, 2], values: Float32Array.of(0.5, -3) });
  assert.throws(() => parseGraphModel(topology(manifest), data.subarray(0, -1)), /end before "float"/);
});

test('weights of other types are refused', () => {
  const manifest = [{ name: 'packed', shape: [1], dtype: 'float32', quantization: { dtype: 'uint8' } }];
  assert.throws(
    () => parseGraphModel(topology(manifest), new Uint8Array(1)),
    /"packed" has the unsupported type uint8/,
  );
});

test('operators and attributes that the converter does not know are refused by name', () => {
  const strides = { list: { i: ['1', '1', '1', '1'] } };
  const manifest = [
    { name: 'filter', shape: [1, 1, 3, 4], dtype: 'float32' },
    { name: 'size', shape: [2], dtype: 'int32' },
    { name: 'axes', shape: [1], dtype: 'int32' },
    { name: 'matrix', shape: [2, 2], dtype: 'float32' },
  ];
  const refused: readonly (readonly [object, RegExp])[] = [
    [{ op: 'Softmax', input: ['image'] }, /unsupported operator Softmax/],
    [
      { op: 'Conv2D', input: ['image', 'filter'], attr: { strides, dilations: { list: { i: ['1', '2'] } } } },
      /dilated/,
    ],
    [
      { op: '_FusedConv2D', input: ['image', 'filter'], attr: { strides, fused_ops: { list: { s: ['RWx1'] } } } },
      /Elu/,
    ],
    [{ op: 'Conv2D', input: ['image', 'image'], attr: { strides } }, /input 1 of "node" is no weight/],
    [{ op: 'ResizeBilinear', input: ['image', 'size'], attr: { align_corners: { b: true } } }, /aligned corners/],
    [{ op: 'Mean', input: ['image', 'axes'], attr: { keep_dims: { b: true } } }, /no mean over height and width/],
    [{ op: 'ConcatV2', input: ['image', 'image', 'axes'] }, /another axis than channels/],
    [{ op: 'Mul', input: ['image', 'matrix'] }, /neither a scalar nor one number per channel/],
    [{ op: 'Transpose', input: ['image', 'matrix'] }, /does not move the channels/],
    [{ op: 'Pad', input: ['image', 'size'] }, /pads other axes/],
  ];
  for (const [node, message] of refused) {
    const model = parseGraphModel(topology(manifest, [{ name: 'node', ...node }]), new Uint8Array(200));
    const graph = new GraphBuilder('refused');
    const image = { value: graph.input('image', 'float32', [1, 3, 8, 8]), channels: 3, height: 8, width: 8 };
    assert.throws(() => convertGraphModel(model, graph, new Map([['image', image]]), ['node']), message);
  }
});

test('layouts and paddings that an operator does not read are refused', () => {
  const manifest = [
    { name: 'filter', shape: [1, 1, 3, 4], dtype: 'float32' },
    { name: 'vector', shape: [3], dtype: 'float32' },
    { name: 'toFirst', shape: [4], dtype: 'int32' },
    { name: 'paddings', shape: [4, 2], dtype: 'int32' },
    { name: 'axis', shape: [1], dtype: 'int32' },
  ];
  const data = Buffer.concat([
    new Uint8Array(15 * 4),
    new Uint8Array(Int32Array.of(0, 3, 1, 2).buffer),
    new Uint8Array(Int32Array.of(0, 0, 1, 1, 1, 1, 0, 0).buffer),
    new Uint8Array(Int32Array.of(1).buffer),
  ]);
  const strides = { list: { i: ['1', '1', '1', '1'] } };
  const before = [
    { name: 'first', op: 'Transpose', input: ['image', 'toFirst'] },
    { name: 'padded', op: 'Pad', input: ['image', 'paddings'] },
  ];
  const refused: readonly (readonly [object, RegExp])[] = [
    [{ op: 'Conv2D', input: ['first', 'filter'], attr: { strides } }, /channels are not last/],
    [{ op: 'MaxPool', input: ['padded'], attr: { strides } }, /padded with 0/],
    [{ op: 'Relu', input: ['padded'] }, /reads a padded map/],
    [{ op: 'Add', input: ['first', 'image'] }, /two layouts/],
    [
      { op: 'Conv2D', input: ['image', 'filter'], attr: { strides, padding: { s: 'RVhQTElDSVQ=' } } },
      /the padding EXPLICIT/,
    ],
    [{ op: 'Add', input: ['first', 'vector'] }, /neither a scalar nor one number per channel/],
    [{ op: 'ConcatV2', input: ['image', 'first', 'axis'] }, /two layouts/],
    [{ op: 'Pad', input: ['first', 'paddings'] }, /pads other axes/],
  ];
  for (const [node, message] of refused) {
    const model = parseGraphModel(topology(manifest, [...before, { name: 'node', ...node }]), data);
    const graph = new GraphBuilder('refused');
    const image = { value: graph.input('image', 'float32', [1, 3, 8, 8]), channels: 3, height: 8, width: 8 };
    assert.throws(() => convertGraphModel(model, graph, new Map([['image', image]]), ['node']), message);
  }
});
