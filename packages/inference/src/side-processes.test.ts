import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { BatchingRunner } from './batching-runner.js';
import { loadBundle, startInferenceRunner, type HostTensor, type InferenceRunner } from './index.js';
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
  return runner.devices[0]?.sidePids ?? [];
}

/** Several clients, until the side processes are ready. */
async function load(runner: InferenceRunner): Promise<void> {
  const client = async () => {
    while (pidsOf(runner).length < 2) await runner.run(countdown(1_000n));
  };
  await Promise.all([client(), client(), client()]);
}

interface SideStart {
  readonly side: SideProcesses;
  /** Messages of warnings. */
  readonly warnings: readonly string[];
}

type Times = ConstructorParameters<typeof SideProcesses>[0]['times'];

/** Side processes without a device, that start at the first sign of load; those of the indexes in `broken` cannot. */
async function startSide(
  t: TestContext,
  count: number,
  times: Times,
  broken: readonly number[] = [],
): Promise<SideStart> {
  const directory = await temporaryDirectory(t);
  await writeTestBundle(directory);
  const { manifest } = await loadBundle(directory);
  const warnings: string[] = [];
  const log = { ...silent, warn: (_: object, message: string) => void warnings.push(message) };
  const graphs = [{ bundle, graph: 'countdown' }];
  const side = new SideProcesses({ graphs, count, log, times: { loadMs: 0, ...times } }, (index) => {
    const path = broken.includes(index) ? '/nowhere/countdown.onnx' : `${directory}/countdown.onnx`;
    const supervised = new SupervisedRunner(
      {
        graphs: [{ bundle, graph: 'countdown', path, hash: '', contract: testContract('countdown') }],
        executionProviders: ['cpu'],
        deviceId: 0,
        threads: 1,
        keepBytes: 1,
      },
      { runTimeoutMs: 60_000, log: silent },
    );
    const runner = new BatchingRunner(supervised, [manifest], () => ({ max: 1, waitMs: 0 }), silent);
    return { runner, started: supervised.started() };
  });
  t.after(() => side.close(0));
  return { side, warnings };
}

test('without load there are no side processes', async (t) => {
  const runner = await start(t);
  for (let run = 0; run < 20; run += 1) await runner.run(countdown(1n));
  // As many at once as one photo has views.
  await Promise.all(Array.from({ length: 9 }, () => runner.run(countdown(1n))));
  await sleep(1_500);
  await Promise.all(Array.from({ length: 9 }, () => runner.run(countdown(1n))));
  assert.deepEqual(runner.devices[0]?.sidePids, []);
});

test('under load runs go side by side, and every answer is its own', async (t) => {
  const runner = await start(t);
  await load(runner);
  // The device and one side process are busy for ever; a third run ends.
  const stuck = [0, 1].map(() => runner.run(countdown(endless)).catch(() => 'failed'));
  const counts = [3n, 4n, 5n];
  const answers = await Promise.all(counts.map((count) => runner.run(countdown(count))));
  assert.deepEqual(
    answers.map(({ outputs }) => outputs.total?.data),
    counts.map((count) => BigInt64Array.of(count)),
  );
  await runner.close(0);
  assert.deepEqual(await Promise.all(stuck), ['failed', 'failed']);
});

test('a side process that dies fails its own run alone, and is replaced', async (t) => {
  const { side } = await startSide(t, 1, {});
  await until(() => side.isFor(countdown(1n), false));
  const running = side.run(countdown(endless));
  const waiting = side.run(countdown(7n));
  const [pid] = side.pids;
  assert.ok(pid !== undefined);
  process.kill(pid, 'SIGKILL');
  await assert.rejects(running, /was killed by SIGKILL/);
  // The device does it.
  assert.equal(await waiting, undefined);
  await until(() => side.isFor(countdown(1n), false));
  assert.deepEqual((await side.run(countdown(8n)))?.outputs.total?.data, BigInt64Array.of(8n));
  assert.equal(side.deaths, 1);
});

test('a run that waits long goes to the device', async (t) => {
  const { side } = await startSide(t, 1, { longestWaitMs: 100 });
  await until(() => side.isFor(countdown(1n), false));
  const running = side.run(countdown(endless)).catch(() => 'failed');
  assert.equal(await side.run(countdown(1n)), undefined);
  await side.close(0);
  assert.equal(await running, 'failed');
});

test('processes that die again and again end for a while', async (t) => {
  const { side, warnings } = await startSide(t, 1, { restMs: 1_000 });
  for (let death = 1; death <= 3; death += 1) {
    await until(() => side.isFor(countdown(1n), false));
    const running = side.run(countdown(endless));
    process.kill(side.pids[0] ?? Number.NaN, 'SIGKILL');
    await assert.rejects(running);
  }
  assert.deepEqual(warnings, ['side processes die again and again; going on without them']);
  assert.deepEqual([side.isFor(countdown(1n), false), side.pids, side.deaths], [false, [], 3]);
  await until(() => side.isFor(countdown(1n), false));
  assert.deepEqual((await side.run(countdown(8n)))?.outputs.total?.data, BigInt64Array.of(8n));
});

test('runs that keep their outputs, and graphs that are not for it, stay in the process of the device', async (t) => {
  const runner = await start(t);
  await load(runner);
  const keys = Array.from({ length: 20 }, (_, index) => `mean ${index}`);
  await Promise.all(
    keys.map((key) =>
      runner.run({ bundle, graph: 'normalize', feeds: { image, gain }, fetch: [], keep: { mean: key } }),
    ),
  );
  assert.equal(await runner.holds(keys), true);
});

test('they end when they have had nothing to do, never during a run, and start again under load', async (t) => {
  const { side } = await startSide(t, 1, { idleMs: 300 });
  for (let time = 0; time < 2; time += 1) {
    await until(() => side.isFor(countdown(1n), false));
    const result = await side.run(countdown(500_000n));
    assert.deepEqual(result?.outputs.total?.data, BigInt64Array.of(500_000n));
    await until(() => side.pids.length === 0);
  }
});

test('the others go on without a process that cannot start', async (t) => {
  const { side, warnings } = await startSide(t, 2, {}, [1]);
  await until(() => side.isFor(countdown(1n), false) && warnings.length > 0);
  assert.deepEqual(warnings, ['a side process cannot start; going on without it']);
  assert.equal(side.pids.length, 1);
  assert.deepEqual((await side.run(countdown(8n)))?.outputs.total?.data, BigInt64Array.of(8n));
});

test('where none can start, the device does all runs', async (t) => {
  const { side, warnings } = await startSide(t, 1, {}, [0]);
  for (let run = 0; run < 20; run += 1) assert.equal(side.isFor(countdown(1n), false), false);
  await until(() => warnings.length > 0);
  for (let run = 0; run < 20; run += 1) assert.equal(side.isFor(countdown(1n), false), false);
  assert.deepEqual([warnings.length, side.pids], [1, []]);
});

test('closing waits for the runs that were accepted', async (t) => {
  const { side } = await startSide(t, 1, {});
  await until(() => side.isFor(countdown(1n), false));
  const runs = [100_000n, 2n, 3n].map((count) => side.run(countdown(count)));
  await side.close();
  const results = await Promise.all(runs);
  assert.deepEqual(
    results.map((result) => result?.outputs.total?.data),
    [100_000n, 2n, 3n].map((count) => BigInt64Array.of(count)),
  );
});

test('closing while they start ends them', async (t) => {
  const { side } = await startSide(t, 2, {});
  assert.equal(side.isFor(countdown(1n), false), false);
  await side.close();
  assert.deepEqual(side.pids, []);
});
