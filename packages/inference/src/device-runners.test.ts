import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  loadBundle,
  startInferenceRunner,
  TensorNotKeptError,
  type HostTensor,
  type InferenceRunner,
  type InferenceRunnerOptions,
} from './index.js';
import { temporaryDirectory, writeTestBundle } from './test-bundle.js';

const bundle = 'test-bundle';
const gain: HostTensor = { type: 'float32', dims: [3], data: Float32Array.of(1, 10, 100) };
const image: HostTensor = { type: 'uint8', dims: [1, 2, 3], data: Uint8Array.of(1, 2, 3, 5, 6, 7) };
const endless = 10n ** 12n;

async function start(t: TestContext, options: Partial<InferenceRunnerOptions> = {}) {
  const directory = await temporaryDirectory(t);
  await writeTestBundle(directory);
  const processIds = new Map<unknown, number>();
  const runner = await startInferenceRunner({
    bundles: [await loadBundle(directory)],
    executionProviders: ['cpu'],
    devices: [0, 1],
    threads: 1,
    runTimeoutMs: 60_000,
    log: {
      info: ({ device, inferencePid }) => processIds.set(device, Number(inferencePid)),
      warn: () => undefined,
      error: () => undefined,
    },
    ...options,
  });
  t.after(() => runner.close());
  const kill = (device: number) => {
    const processId = processIds.get(device);
    assert.ok(processId !== undefined);
    process.kill(processId, 'SIGKILL');
  };
  return { runner, kill };
}

async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 30_000;
  while (!condition()) {
    assert.ok(performance.now() < end, `still not so: ${condition.toString()}`);
    await sleep(5);
  }
}

const count = (runner: InferenceRunner, iterations: bigint) =>
  runner.run({
    bundle,
    graph: 'countdown',
    feeds: { iterations: { type: 'int64', dims: [1], data: BigInt64Array.of(iterations) } },
  });
const keepMean = (runner: InferenceRunner, key: string) =>
  runner.run({ bundle, graph: 'normalize', feeds: { image, gain }, fetch: [], keep: { mean: key } });
const useMean = (runner: InferenceRunner, key: string) =>
  runner.run({ bundle, graph: 'normalize', feeds: { image, gain: { kept: key } }, fetch: ['mean'] });

test('runs spread over the devices, and each device ends alone', async (t) => {
  const { runner, kill } = await start(t);
  const outcomes: string[] = [];
  const runs = [0, 1].map(async () => {
    await count(runner, endless).catch((error: unknown) => outcomes.push(String(error)));
  });
  // Both devices are busy now: were both runs on one, its death would not end the second run.
  setTimeout(() => {
    kill(0);
  }, 200);
  await Promise.race(runs);
  assert.equal(outcomes.length, 1);
  assert.match(String(outcomes[0]), /was killed by SIGKILL/);
  kill(1);
  await Promise.all(runs);
  assert.equal(outcomes.length, 2);
  assert.deepEqual(
    runner.devices.map(({ id, restarts }) => [id, restarts]),
    [
      [0, 1],
      [1, 1],
    ],
  );
});

test('a run goes to a device that is free', async (t) => {
  const { runner, kill } = await start(t);
  const busy = [0, 1].map(() => count(runner, endless).catch(() => 'ended'));
  kill(0);
  await Promise.race(busy);
  await until(() => runner.devices[0]?.ready === true);
  // Device 1 is still busy.
  for (const iterations of [1n, 2n, 3n, 4n]) {
    const { outputs } = await count(runner, iterations);
    assert.deepEqual(outputs.total?.data, BigInt64Array.of(iterations));
  }
  kill(1);
  await Promise.all(busy);
});

test('a tensor that is handed over is kept on one device, where runs and readers find it', async (t) => {
  const { runner } = await start(t);
  for (const key of ['a', 'b', 'c']) await runner.keep(key, gain);
  for (const key of ['a', 'b', 'c']) {
    assert.deepEqual(await runner.readKept(key), gain);
    assert.deepEqual((await useMean(runner, key)).outputs.mean?.data, Float32Array.of(3, 40, 500));
  }
  assert.equal(await runner.readKept('never kept'), undefined);
});

test('kept tensors are found on their device', async (t) => {
  const { runner, kill } = await start(t);
  // Idle devices take turns.
  await keepMean(runner, 'a');
  await keepMean(runner, 'b');
  for (const key of ['a', 'b', 'a', 'b']) assert.equal(await runner.holds([key]), true, key);
  for (const key of ['a', 'a', 'b', 'b']) {
    assert.deepEqual((await useMean(runner, key)).outputs.mean?.data, Float32Array.of(9, 160, 2500));
  }
  assert.equal(await runner.holds(['a', 'b']), false, 'no run could take both');
  await assert.rejects(
    runner.run({ bundle, graph: 'product', feeds: { left: { kept: 'a' }, right: { kept: 'b' } } }),
    (error) => error instanceof TensorNotKeptError && error.message.includes('"a" and "b"'),
  );
  await assert.rejects(useMean(runner, 'never kept'), TensorNotKeptError);

  kill(0);
  assert.deepEqual((await useMean(runner, 'b').catch(() => useMean(runner, 'a'))).outputs.mean?.data.length, 3);
  const held = await Promise.all(['a', 'b'].map((key) => runner.holds([key])));
  assert.deepEqual(held.sort(), [false, true]);
});

test('the death of a device fails no run of the others, before it is back either', async (t) => {
  const { runner, kill } = await start(t, { devices: [4, 7, 2] });
  assert.deepEqual(
    runner.devices.map(({ id, ready }) => [id, ready]),
    [
      [4, true],
      [7, true],
      [2, true],
    ],
  );
  for (let round = 0; round < 3; round++) await keepMean(runner, `image-${round}`);
  kill(7);
  await until(() => runner.devices[1]?.ready === false);
  const runs = Array.from({ length: 12 }, (_, index) => count(runner, BigInt(index)));
  assert.equal(runner.devices[1]?.ready, false);
  const totals = (await Promise.all(runs)).map(({ outputs }) => Number(outputs.total?.data[0]));
  assert.deepEqual(totals, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  const held = await Promise.all([0, 1, 2].map((round) => runner.holds([`image-${round}`])));
  assert.equal(held.filter(Boolean).length, 2);
});

test('devices that are named twice are refused', async (t) => {
  for (const devices of [[], [1, 1]]) {
    await assert.rejects(start(t, { devices }), { name: 'InferenceStartError', message: /must be different ones/ });
  }
});
