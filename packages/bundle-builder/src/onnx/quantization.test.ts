import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { GraphBuilder } from './graph-builder.js';
import { quantizeColumns } from './quantization.js';
import { serializeModel } from './serialization.js';
import { toFloat32Array } from './tensor.js';

const weight = Float32Array.from({ length: 8 * 4 }, (_, index) => Math.sin(index) * 2 ** (index % 4));

test('each column has a scale of its own, and is off by half a step at most', () => {
  const { integers, scales } = quantizeColumns([8, 4], weight);
  const steps = toFloat32Array(scales);
  for (const [index, value] of weight.entries()) {
    const step = steps[index % 4] ?? NaN;
    const integer = Buffer.from(integers.data).readInt8(index);
    assert.ok(Math.abs(integer) <= 63 && Math.abs(integer * step - value) <= step / 2 + 1e-6);
  }
  const { integers: zeros } = quantizeColumns([2, 1], new Float32Array(2));
  assert.deepEqual([...zeros.data], [0, 0]);
});

test('what a row gives depends on the other rows of its run, so that images do not share one', async () => {
  const graph = new GraphBuilder('linear');
  const { integers, scales } = quantizeColumns([8, 4], weight);
  const rows = graph.input('rows', 'float32', ['batch', 8]);
  const inputs = [rows, graph.constant(integers), graph.constant(scales), '', graph.float32([4], [0, 0, 0, 0])];
  graph.output('product', graph.node('DynamicQuantizeMatMul', inputs, {}, { domain: 'com.microsoft' }), 'float32', [
    'batch',
    4,
  ]);
  const session = await InferenceSession.create(serializeModel(graph.model()));
  const run = async (...values: number[]): Promise<Float32Array> => {
    const { product } = await session.run({ rows: new Tensor('float32', values, [values.length / 8, 8]) });
    assert.ok(product?.data instanceof Float32Array);
    return product.data.slice(0, 4);
  };
  const row = Array.from({ length: 8 }, (_, index) => Math.cos(index));
  const alone = await run(...row);
  assert.deepEqual(await run(...row, ...row), alone);
  const beside = await run(...row, ...row.map((value) => 9 * value));
  const differences = alone.map((value, column) => Math.abs(value - (beside[column] ?? NaN)));
  assert.ok(Math.max(...differences) > 1e-3, String(differences));
  await session.release();
});
