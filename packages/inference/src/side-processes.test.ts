import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { BatchingRunner } from './batching-runner.js';
import { loadBundle, startInferenceRunner, type HostTensor, type InferenceRunner } from './index.js';
import type { BundleGraph } from './protocol.js';
import { SideProcesses } from './side-processes.js';
import { SupervisedRunner } from './supervised-runner.js';
import { temporaryDirectory, testContract, writeTestBundle } from './test-bundle.js';

const bundle = 'test-bundle';
const gain: HostTensor = { type: 'float32', dims: [3], data: Float32Array.of(1, 10, 100) };
const image: HostTensor = { type: 'uint8', dims: [1, 2, 3], data: Uint8Array.of(1, 2, 3, 5, 6, 7) };
const endless = 10n ** 12n;
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

const countdown = (iterations: bigint) => ({
  bundle,
  graph: 'countdown',
  feeds: { iterations: { type: 'int64', dims: [1], data: BigInt64Array.of(iterations) } as const },
});

/** A runner with two side processes, in which `countdown` goes side by side. */
async function start(t: TestContext): Promise<InferenceRunner> {
  const directory = await temporaryDirectory(t);
  await writeTestBundle(directory, ({ graphs }) => {
    graphs.countdown = { file: 'countdown.onnx', side_by_side: true, ...testContract('countdown') };
  });
  const runner = await startInferenceRunner({
    bundles: [await loadBundle(directory)],
    executionProviders: ['cpu'],
    threads: 1,
    sideProcesses: 2,
    runTimeoutMs: 60_000,
    log: silent,
  });
  t.after(() => runner.close(0));
  return runner;
}

async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 30_000;
  while (!condition()) {
    assert.ok(performance.now() < end, `still not so: ${condition.toString()}`);
    await sleep(5);
  }
}

function pidsOf(runner: InferenceRunner): readonly number[] {
  return runner.devices[0]?.side?.pids ?? [];
}

/** Runs that wait for each other, until the side processes are ready. */
async function load(runner: InferenceRunner): Promise<void> {
  assert.deepEqual(pidsOf(runner), []);
  await Promise.all(Array.from({ length: 12 }, () => runner.run(countdown(1n))));
  await until(() => pidsOf(runner).length === 2);
}

test('without load there are no side processes', async (t) => {
  const runner = await start(t);
  for (let run = 0; run < 20; run += 1) await runner.run(countdown(1n));
  await Promise.all([runner.run(countdown(1n)), runner.run(countdown(2n))]);
  assert.deepEqual(runner.devices[0]?.side, { most: 2, pids: [] });
});

test('under load runs go side by side, and every answer is its own', async (t) => {
  const runner = await start(t);
  await load(runner);
  // One run in each process: the last one ends although the others never do.
  const endlessRuns = [0, 1].map(() => runner.run(countdown(endless)).catch(String));
  const counts = [3n, 4n, 5n];
  const [own] = [runner.devices[0]?.pid, ...pidsOf(runner)];
  assert.ok(own !== undefined && !pidsOf(runner).includes(own));
  const [busySide] = pidsOf(runner);
  assert.ok(busySide !== undefined);
  process.kill(busySide, 'SIGKILL');
  const died = await Promise.race(endlessRuns);
  assert.match(died as string, /was killed by SIGKILL/);
  await until(() => runner.devices[0]?.restarts === 1 && pidsOf(runner).length === 2);
  const answers = await Promise.all(counts.map((count) => runner.run(countdown(count))));
  assert.deepEqual(
    answers.map(({ outputs }) => outputs.total?.data),
    counts.map((count) => BigInt64Array.of(count)),
  );
});

test('runs that keep their outputs, and graphs that are not for it, stay in the process of the device', async (t) => {
  const runner = await start(t);
  const keepers = Array.from({ length: 20 }, (_, index) =>
    runner.run({ bundle, graph: 'normalize', feeds: { image, gain }, fetch: [], keep: { mean: `mean ${index}` } }),
  );
  await Promise.all(keepers);
  assert.deepEqual(pidsOf(runner), []);
  await load(runner);
  assert.equal(await runner.holds(Array.from({ length: 20 }, (_, index) => `mean ${index}`)), true);
});

test('they end when they have had nothing to do, and start again under load', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeTestBundle(directory);
  const { manifest, graphHash } = await loadBundle(directory).then((loaded) => ({
    manifest: loaded.manifest,
    graphHash: loaded.graphHash('countdown'),
  }));
  const graph: BundleGraph = {
    bundle,
    graph: 'countdown',
    sideBySide: true,
    path: `${directory}/countdown.onnx`,
    hash: graphHash,
    contract: testContract('countdown'),
  };
  const side = new SideProcesses({ graphs: [graph], most: 1, log: silent, idleMs: 300 }, () => {
    const load = { graphs: [graph], executionProviders: ['cpu'], deviceId: 0, threads: 1, keepBytes: 1 };
    const supervised = new SupervisedRunner(load, { runTimeoutMs: 60_000, log: silent });
    const runner = new BatchingRunner(supervised, [manifest], () => ({ max: 1, waitMs: 0 }), silent);
    return { runner, started: supervised.started() };
  });
  t.after(() => side.close(0));
  for (let time = 0; time < 2; time += 1) {
    await until(() => side.take(countdown(1n), false) !== undefined);
    assert.equal(side.state.pids.length, 1);
    // A run that takes longer than the pause is not cut off.
    const runner = side.take(countdown(1n), false);
    const { outputs } = (await runner?.run(countdown(500_000n))) ?? {};
    assert.deepEqual(outputs?.total?.data, BigInt64Array.of(500_000n));
    await until(() => side.state.pids.length === 0);
  }
});

test('processes that cannot start leave their runs to the device', async (t) => {
  const graph: BundleGraph = {
    bundle,
    graph: 'countdown',
    sideBySide: true,
    path: '/nowhere/countdown.onnx',
    hash: '',
    contract: testContract('countdown'),
  };
  const warnings: string[] = [];
  const log = { ...silent, warn: (_: object, message: string) => void warnings.push(message) };
  let starts = 0;
  const side = new SideProcesses({ graphs: [graph], most: 1, log }, () => {
    starts += 1;
    const load = { graphs: [graph], executionProviders: ['cpu'], deviceId: 0, threads: 1, keepBytes: 1 };
    const supervised = new SupervisedRunner(load, { runTimeoutMs: 60_000, log: silent });
    const runner = new BatchingRunner(supervised, [], () => ({ max: 1, waitMs: 0 }), silent);
    return { runner, started: supervised.started() };
  });
  t.after(() => side.close(0));
  const take = () => side.take(countdown(1n), false);
  for (let run = 0; run < 20; run += 1) assert.equal(take(), undefined);
  await until(() => warnings.length > 0);
  assert.deepEqual(warnings, ['side processes cannot start; going on without them']);
  for (let run = 0; run < 20; run += 1) assert.equal(take(), undefined);
  assert.deepEqual([starts, side.state.pids], [1, []]);
});
