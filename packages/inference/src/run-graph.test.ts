import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tensor, type InferenceSession } from 'onnxruntime-node';
import type { LoadedGraph } from './graph-sessions.js';
import { KeptTensors } from './kept-tensors.js';
import { runGraph } from './run-graph.js';

test('a tensor on a device is kept without reading it and freed when it is dropped', async () => {
  let freed = 0;
  // Its data cannot be read: only the provider could bring it to the host.
  const onDevice = () =>
    Tensor.fromGpuBuffer({} as never, { dataType: 'float16', dims: [2, 3], dispose: () => (freed += 1) });
  assert.throws(() => onDevice().data, /not on CPU/);
  const graph: LoadedGraph = {
    label: 'graph',
    session: { run: () => Promise.resolve({ embedding: onDevice() }) } as unknown as InferenceSession,
    contract: { inputs: {}, outputs: { embedding: { dtype: 'float16', shape: [2, 3] } } },
  };
  const kept = new KeptTensors(12);
  const keep = (key: string) => runGraph(graph, { feeds: {}, fetch: [], keep: { embedding: key } }, kept);
  assert.deepEqual((await keep('one')).outputs, {});
  assert.equal(kept.get('one')?.size, 6);
  assert.equal(freed, 0);
  await keep('two');
  assert.ok(!kept.holds(['one']));
  assert.equal(freed, 1);
});
