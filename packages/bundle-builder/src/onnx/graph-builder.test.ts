import assert from 'node:assert/strict';
import { test } from 'node:test';

import { InferenceSession, Tensor } from 'onnxruntime-node';

import { GraphBuilder } from './graph-builder.js';
import { parseModel, serializeModel } from './serialization.js';
import { float32Tensor, toFloat32Array } from './tensor.js';

function affineGraph(): GraphBuilder {
  const graph = new GraphBuilder('affine');
  const input = graph.input('x', 'float32', ['n', 2]);
  const product = graph.node('Gemm', [input, graph.weight([2, 2], [1, 2, 3, 4]), graph.float32([2], [0.5, -0.5])], {
    alpha: { float: 0.5 },
    transB: 1,
  });
  const [low, high] = graph.nodeWithOutputs(2, 'Split', [product, graph.int64([2], [1, 1])], { axis: 1 });
  assert.ok(low !== undefined && high !== undefined);
  graph.output('low', low, 'float32', ['n', 1]);
  graph.output('high', graph.node('FastGelu', [high], {}, { domain: 'com.microsoft' }), 'float32', ['n', 1]);
  return graph;
}

test('the runtime computes what the builder describes', async () => {
  const session = await InferenceSession.create(serializeModel(affineGraph().model()));
  const { low, high } = await session.run({ x: new Tensor('float32', [2, 4, 6, 8], [2, 2]) });
  assert.deepEqual(low?.data, Float32Array.of(0.5 * (2 + 8) + 0.5, 0.5 * (6 + 16) + 0.5));
  assert.deepEqual(high?.data, Float32Array.of(0.5 * (6 + 16) - 0.5, 0.5 * (18 + 32) - 0.5));
  assert.deepEqual(low.dims, [2, 1]);
});

test('a model reads back as it was written', () => {
  const graph = affineGraph();
  graph.int64([2], [-1, 7]);
  graph.float32([0], []);
  const constant = graph.node('Constant', [], { value: { tensor: float32Tensor([1], [1]) } });
  graph.node('Upsample', [constant], { height_scale: { float: 2.5 }, mode: 'nearest', axes: [0, -1] });

  const model = graph.model();
  assert.deepEqual(parseModel(serializeModel(model)), model);
});

test('a tensor whose data are not in the model is refused', () => {
  const graph = new GraphBuilder('outside');
  graph.constant({ type: 'float32', dims: [2], data: new Uint8Array() }, 'weight');
  assert.throws(() => parseModel(serializeModel(graph.model())), /"weight" has no raw_data/);
});

test('weights are stored as the nearest float16', () => {
  const graph = new GraphBuilder('weights');
  graph.weight([2], [1 / 3, 1e-9]);
  const [stored] = graph.graph().initializers.values();
  assert.ok(stored);
  assert.equal(stored.type, 'float16');
  assert.deepEqual(toFloat32Array(stored), Float32Array.of(1365 / 4096, 0));
});

test('mistakes in a graph are refused where they are made', () => {
  const graph = new GraphBuilder('mistakes');
  graph.input('x', 'float32', [1]);
  assert.throws(() => graph.input('x', 'float32', [1]), /two values called "x"/);
  assert.throws(() => graph.node('Relu', ['y']), /Relu reads the unknown value "y"/);
  assert.throws(() => graph.float32([2, 2], [1, 2, 3]), /\[2, 2\] has 4 elements, got 3/);
});

test('another graph is included behind a value, its large constants as weights', async () => {
  const source = new GraphBuilder('source');
  const input = source.input('input', 'float32', [2048]);
  const large = source.constant(
    float32Tensor(
      [2048],
      Float32Array.from({ length: 2048 }, (_, index) => index),
    ),
    'large',
  );
  const one = source.node('Constant', [], { value: { tensor: float32Tensor([1], [1]) } });
  const filled = source.node('ConstantOfShape', [source.int64([1], [2048])], {
    value: { tensor: float32Tensor([1], [2]) },
  });
  const sum = source.node('Sum', [input, large, one, filled]);

  const graph = new GraphBuilder('outer');
  const doubled = graph.node('Mul', [graph.input('x', 'float32', [2048]), graph.float32([], [2])]);
  graph.include(source.graph(), { input: doubled });
  graph.output('y', sum, 'float32', [2048]);
  const { initializers, nodes } = graph.graph();
  assert.equal(initializers.get('large_float16')?.type, 'float16');
  assert.ok(nodes.every(({ operator }) => operator !== 'Constant'));

  const session = await InferenceSession.create(serializeModel(graph.model()));
  const { y } = await session.run({ x: new Tensor('float32', new Float32Array(2048).fill(5), [2048]) });
  assert.deepEqual(
    y?.data,
    Float32Array.from({ length: 2048 }, (_, index) => 2 * 5 + index + 1 + 2),
  );
});
