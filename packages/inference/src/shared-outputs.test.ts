import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { HostTensor, InferenceRunner } from './inference-runner.js';
import { loadBundle } from './bundle.js';
import { ofRun, SharedGraph, type SharedGraphOptions } from './shared-outputs.js';
import { temporaryDirectory, writeTestBundle } from './test-bundle.js';

/** The one thing that is asked of the runner here is its provider. */
const runnerOn = (executionProvider: string) => ({ devices: [{ executionProvider }] }) as unknown as InferenceRunner;

async function graphs(t: TestContext) {
  const directory = await temporaryDirectory(t);
  await writeTestBundle(directory, ({ graphs: { normalize } }) => {
    assert.ok(normalize);
    const { file, inputs, outputs } = normalize;
    normalize.cuda = { file: file.replace('normalize', 'batch'), inputs, outputs };
  });
  const bundle = await loadBundle(directory);
  const defaults = { bundle, runner: runnerOn('cpu'), graph: 'normalize', outputs: ['features', 'mean'] };
  return (options: Partial<SharedGraphOptions> = {}) =>
    new SharedGraph({ ...defaults, preparation: 'as it is', ...options });
}

const float32 = (...dims: number[]): HostTensor => ({
  type: 'float32',
  dims,
  data: new Float32Array(dims.reduce((product, dim) => product * dim, 1)),
});

test('keys are equal where outputs are', async (t) => {
  const graph = await graphs(t);
  const key = graph().key('sha256:1');
  assert.match(key, /^[\da-f]{64}$/);
  assert.equal(graph().key('sha256:1'), key);
  const others = [
    graph().key('sha256:2'),
    graph({ graph: 'product' }).key('sha256:1'),
    graph({ outputs: ['mean'] }).key('sha256:1'),
    graph({ preparation: 'scaled' }).key('sha256:1'),
    graph({ runner: runnerOn('cuda') }).key('sha256:1'),
  ];
  assert.equal(new Set([key, ...others]).size, 6);
});

test('outputs fit a graph by their names, types and shapes', async (t) => {
  const graph = (await graphs(t))();
  const [features, mean] = [float32(4, 6, 3), float32(3)];
  const names = [0, 1].map((run) => [ofRun(run, 'features'), ofRun(run, 'mean')] as const);
  const [[first, second] = ['', ''], [third, fourth] = ['', '']] = names;
  const one = { [first]: features, [second]: mean };
  assert.equal(graph.fits(one), true);
  assert.equal(graph.fits({ ...one, [third]: features, [fourth]: mean }, 2), true);
  for (const wrong of [
    {},
    { [first]: features },
    { [first]: mean, [second]: features },
    { ...one, [second]: float32(4) },
    { ...one, [second]: float32(3, 1) },
    { ...one, [second]: { ...mean, data: new Float32Array(2) } },
    { ...one, [second]: { ...mean, dims: [-3] } },
    { ...one, [second]: { type: 'float16', dims: [3], data: new Uint16Array(3) } as const },
    { ...one, other: mean },
    { ...one, [third]: features, [fourth]: mean },
  ]) {
    assert.equal(graph.fits(wrong), false, JSON.stringify(Object.keys(wrong)));
  }
  assert.equal(graph.fits(one, 2), false);
});

test('outputs for one image have one row', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeTestBundle(directory);
  const bundle = await loadBundle(directory);
  const { outputs = {}, batch = '' } = bundle.manifest.graphs.batch ?? {};
  const rows = (count: number) =>
    Object.fromEntries(
      Object.entries(outputs).map(([name, { shape }]) => {
        return [
          ofRun(0, name),
          float32(...shape.map((dim) => (dim === batch ? count : typeof dim === 'number' ? dim : 2))),
        ];
      }),
    );
  const names = Object.entries(outputs).flatMap(([name, { dtype }]) => (dtype === 'float32' ? [name] : []));
  const graph = new SharedGraph({ bundle, runner: runnerOn('cpu'), graph: 'batch', outputs: names, preparation: '' });
  const only = (count: number) =>
    Object.fromEntries(names.map((name) => [ofRun(0, name), rows(count)[ofRun(0, name)] ?? assert.fail()]));
  assert.ok(names.length > 0);
  assert.equal(graph.fits(only(1)), true);
  assert.equal(graph.fits(only(2)), false);
});
