import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadGraphs } from './graph-sessions.js';
import type { BundleGraph } from './protocol.js';
import { testContract } from './test-bundle.js';

function graphFile(bundle: string, name: string, hash: string): BundleGraph {
  const path = fileURLToPath(new URL(`../test-vectors/${name}.onnx`, import.meta.url));
  return { bundle, graph: name, path, hash, contract: testContract(name) };
}

test('a graph for CUDA is left alone on the processor', async () => {
  const own = graphFile('a', 'product', '1');
  const cuda = { path: 'nowhere.onnx', hash: '2', contract: testContract('echo') };
  const rejected: string[] = [];
  const graphs = await loadGraphs([{ ...own, cuda }], {
    executionProviders: ['cuda', 'cpu'],
    deviceId: 0,
    threads: 1,
    onProviderRejected: (provider, message) => rejected.push(`${provider}: ${message}`),
  });
  assert.equal(graphs.executionProvider, 'cpu');
  assert.deepEqual(graphs.find('a', 'product')?.contract, own.contract);
  assert.equal(rejected.length, 1);
  assert.match(rejected[0] ?? '', /^cuda: graph "product" of bundle "a" cannot be loaded on cuda/);
});

test('equal files of two bundles are one session, others are not', async () => {
  const files = [graphFile('a', 'product', '1'), graphFile('b', 'product', '1'), graphFile('c', 'product', '2')];
  const graphs = await loadGraphs(files, {
    executionProviders: ['cpu'],
    deviceId: 0,
    threads: 1,
    onProviderRejected: () => assert.fail('the provider works'),
  });
  const [one, same, other] = ['a', 'b', 'c'].map((bundle) => graphs.find(bundle, 'product'));
  assert.ok(one && same && other);
  assert.equal(one.session, same.session);
  assert.notEqual(one.session, other.session);
  assert.deepEqual([one.label, same.label], ['graph "product" of bundle "a"', 'graph "product" of bundle "b"']);
});
