import assert from 'node:assert/strict';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { BatchingRunner, type BatchLimits } from './batching-runner.js';
import { loadBundle } from './bundle.js';
import {
  InvalidRunError,
  type BatchRequest,
  type FinishedRun,
  type HostTensor,
  type RunRequest,
  type RunResult,
} from './inference-runner.js';
import { startInferenceRunner } from './start-inference-runner.js';
import { SupervisedRunner } from './supervised-runner.js';
import { temporaryDirectory, writeTestBundle } from './test-bundle.js';

const bundle = 'test-bundle';
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
/** Iterations that no test outlasts. */
const endless = 10n ** 12n;

const integers = (...values: bigint[]): HostTensor => ({
  type: 'int64',
  dims: [values.length],
  data: BigInt64Array.from(values),
});

interface Row {
  readonly height?: number;
  readonly width?: number;
  readonly index?: bigint;
  readonly iterations?: bigint;
  readonly gain?: number;
}

/** A run of the graph `batch` with one image whose bytes depend on its size. */
function rowRun({ height = 2, width = 3, index = 0n, iterations = 0n, gain = 1 }: Row, request = {}): RunRequest {
  const data = Uint8Array.from({ length: height * width * 3 }, (_, place) => (7 * place + height) % 251);
  const image: HostTensor = { type: 'uint8', dims: [1, height, width, 3], data };
  const gains: HostTensor = { type: 'float32', dims: [3], data: Float32Array.of(gain, 1, 2) };
  const feeds = { image, gain: gains, index: integers(index), iterations: integers(iterations) };
  return { bundle, graph: 'batch', feeds, ...request };
}

/** A batching runner over the runner of one process, and the runs that get there. */
async function start(t: TestContext, limits: BatchLimits, runTimeoutMs = 20_000) {
  const directory = await temporaryDirectory(t);
  await writeTestBundle(directory);
  const { manifest } = await loadBundle(directory);
  const graphs = Object.entries(manifest.graphs).map(([graph, { file, ...contract }]) => {
    return { bundle, graph, path: path.join(directory, file), hash: file, contract };
  });
  const load = { graphs, executionProviders: ['cpu'], threads: 1, keepBytes: 1_000_000, deviceId: 0 };
  const plain = new SupervisedRunner(load, { runTimeoutMs, log: silent });
  t.after(() => plain.close());
  await plain.started();
  const runs: BatchRequest[] = [];
  const observed = {
    device: plain.device,
    run: (request: BatchRequest) => {
      runs.push(request);
      return plain.run(request);
    },
    holds: (keys: readonly string[]) => plain.holds(keys),
    keep: (key: string, tensor: HostTensor) => plain.keep(key, tensor),
    readKept: (key: string) => plain.readKept(key),
    prepareClose: () => {
      plain.prepareClose();
    },
    close: () => plain.close(),
  };
  const finished: FinishedRun[] = [];
  const runner = new BatchingRunner(
    observed,
    [manifest],
    () => limits,
    silent,
    (run) => finished.push(run),
  );
  return { plain, runs, finished, runner };
}

/** Rows of each run of the graph `batch`. */
function rowsOf(runs: readonly BatchRequest[]): number[] {
  return runs.flatMap(({ feeds: { index } }) => (index !== undefined && 'dims' in index ? [index.dims[0] ?? 0] : []));
}

function numbersOf(results: readonly PromiseSettledResult<RunResult>[]): (number | bigint | string | undefined)[] {
  return results.map((result) => (result.status === 'fulfilled' ? result.value.outputs.number?.data[0] : 'failed'));
}

test('rows of runs that wait go through one run and back to their owners, of images of different sizes', async (t) => {
  const { plain, runner, runs } = await start(t, { max: 8, waitMs: 0 });
  const requests = Array.from({ length: 9 }, (_, row) =>
    rowRun({ height: 1 + ((5 * row) % 7), width: 1 + ((3 * row) % 5), index: BigInt(row % 4) }),
  );
  const results = await Promise.all(requests.map((request) => runner.run(request)));
  assert.deepEqual(rowsOf(runs), [1, 8], 'the first finds the device idle, the others collect');
  for (const [row, request] of requests.entries()) {
    assert.deepEqual(results[row]?.outputs, (await plain.run(request)).outputs, `row ${row}`);
  }
});

test('a run that finds the device idle starts at once, as it is', async (t) => {
  const { runner, runs } = await start(t, { max: 8, waitMs: 0 });
  const request = rowRun({});
  const run = runner.run(request);
  assert.equal(runs[0]?.feeds, request.feeds, 'neither a timer nor a copy');
  await run;
  await runner.run(request);
  assert.deepEqual(rowsOf(runs), [1, 1]);
});

test('runs that cannot be put together run one by one, and those behind them too', { timeout: 30_000 }, async (t) => {
  const { runner, runs } = await start(t, { max: 4, waitMs: 0 });
  const large = rowRun({ index: 1n });
  const { image } = large.feeds;
  assert.ok(image !== undefined && 'data' in image);
  const { data } = image;
  Object.defineProperty(image, 'data', {
    enumerable: true,
    get: () => {
      if (new Error().stack?.includes('mergeRuns') === true) throw new RangeError('Array buffer allocation failed');
      return data;
    },
  });
  const results = await Promise.all([rowRun({}), large, rowRun({ index: 2n })].map((request) => runner.run(request)));
  assert.deepEqual(
    results.map(({ batch }) => batch?.runs),
    [1, 1, 1],
  );
  await runner.run(rowRun({}));
  assert.equal(runs.length, 4);
});

test('batches have 1, 2, 4 or 8 rows, and never more than the largest', async (t) => {
  const { runner, runs } = await start(t, { max: 6, waitMs: 0 });
  await Promise.all(Array.from({ length: 8 }, () => runner.run(rowRun({}))));
  assert.deepEqual(rowsOf(runs), [1, 4, 2, 1]);
});

test('runs wait for others when they may, and go when the batch is full', async (t) => {
  const patient = await start(t, { max: 4, waitMs: 10_000 });
  await Promise.all(Array.from({ length: 4 }, () => patient.runner.run(rowRun({}))));
  assert.deepEqual(rowsOf(patient.runs), [4]);
  const hasty = await start(t, { max: 4, waitMs: 50 });
  await Promise.all([hasty.runner.run(rowRun({})), hasty.runner.run(rowRun({}))]);
  assert.deepEqual(rowsOf(hasty.runs), [2]);
});

test('runs of other graphs, outputs and shared inputs stay apart, and the oldest goes first', async (t) => {
  const { runner, runs } = await start(t, { max: 8, waitMs: 0 });
  const count: RunRequest = { bundle, graph: 'countdown', feeds: { iterations: integers(1n) } };
  const order: string[] = [];
  const note = (name: string, request: RunRequest) => runner.run(request).then(() => order.push(name));
  await Promise.all([
    note('idle', count),
    note('a', rowRun({})),
    note('other graph', count),
    note('b', rowRun({ gain: 2 })),
    note('other output', rowRun({}, { fetch: ['number'] })),
    note('a', rowRun({})),
    note('b', rowRun({ gain: 2 })),
    note('other output', rowRun({}, { fetch: ['number'] })),
  ]);
  assert.deepEqual(order, ['idle', 'a', 'a', 'other graph', 'b', 'b', 'other output', 'other output']);
  assert.deepEqual(rowsOf(runs), [2, 2, 2]);
});

test('rows that are kept are kept under their owners’ keys', async (t) => {
  const { plain, runner, runs } = await start(t, { max: 4, waitMs: 10_000 });
  const rows = [0n, 1n, 2n, 3n];
  const requests = rows.map((index) => rowRun({ index }, { fetch: [], keep: { number: `number-${index}` } }));
  const results = await Promise.all(requests.map((request) => runner.run(request)));
  assert.deepEqual(rowsOf(runs), [4]);
  assert.deepEqual(
    results.map(({ outputs }) => outputs),
    [{}, {}, {}, {}],
  );
  for (const index of rows) {
    assert.equal(await runner.holds([`number-${index}`]), true);
    const feeds = { iterations: { kept: `number-${index}` } };
    const { outputs } = await plain.run({ bundle, graph: 'countdown', feeds });
    assert.deepEqual(outputs.total, integers(10n * (index + 1n)));
  }
});

test('a run that is cancelled while it waits is dropped, and one that has started is finished', async (t) => {
  const { runner, runs } = await start(t, { max: 4, waitMs: 60_000 });
  const givenUp = new Error('given up');
  const cancelled = new AbortController();
  const waiting = [0n, 1n].map((index) => runner.run(rowRun({ index })));
  const dropped = runner.run({ ...rowRun({ index: 2n }), signal: cancelled.signal });
  cancelled.abort(givenUp);
  await assert.rejects(dropped, givenUp);
  await assert.rejects(runner.run({ ...rowRun({}), signal: cancelled.signal }), givenUp);
  assert.deepEqual([runner.pendingRuns, rowsOf(runs)], [2, []]);

  const late = new AbortController();
  const started = [2n, 3n].map((index) => runner.run({ ...rowRun({ index }), signal: late.signal }));
  while (runs.length === 0) await new Promise(setImmediate);
  late.abort(givenUp);
  assert.deepEqual(numbersOf(await Promise.allSettled([...waiting, ...started])), [10n, 20n, 30n, 40n]);
  assert.deepEqual(rowsOf(runs), [4]);
});

test('a cancelled run frees its place at once, while another one runs', async (t) => {
  const { runner, runs } = await start(t, { max: 1, waitMs: 0 }, 3_000);
  const longest = runner.run(rowRun({ iterations: endless }));
  const next = AbortSignal.timeout(50);
  await assert.rejects(runner.run({ ...rowRun({}), signal: next }), { name: 'TimeoutError' });
  assert.equal(runner.pendingRuns, 1);
  const last = runner.run(rowRun({ index: 1n }));
  await assert.rejects(longest, { code: 'TSR_INFERENCE_FAILED' });
  assert.equal((await last).outputs.number?.data[0], 20n);
  assert.equal(runs.length, 2);
});

test('a mistake in one run’s feeds is its own', async (t) => {
  const { runner, runs } = await start(t, { max: 8, waitMs: 10_000 });
  const wrong = rowRun({});
  const results = await Promise.allSettled([
    ...[0n, 1n, 2n].map((index) => runner.run(rowRun({ index }))),
    runner.run({ ...wrong, feeds: { ...wrong.feeds, index: integers(1n, 2n) } }),
    ...[3n, 0n, 1n, 2n, 3n].map((index) => runner.run(rowRun({ index }))),
  ]);
  assert.deepEqual(
    results.map(({ status }) => status).map((status, row) => (status === 'rejected' ? row : -1)),
    [-1, -1, -1, 3, -1, -1, -1, -1, -1],
  );
  assert.ok(results[3]?.status === 'rejected' && results[3].reason instanceof InvalidRunError);
  assert.deepEqual(rowsOf(runs), [8]);
});

test('of a batch that fails the run that is to blame fails alone, and those that succeed are measured', async (t) => {
  const { runner, runs, finished } = await start(t, { max: 8, waitMs: 10_000 });
  const indices = [0n, 1n, 2n, 3n, 0n, 99n, 2n, 3n];
  const results = await Promise.allSettled(
    indices.map((index, row) => runner.run({ ...rowRun({ index }), about: [{ job: String(row) }] })),
  );
  assert.deepEqual(numbersOf(results), [10n, 20n, 30n, 40n, 10n, 'failed', 30n, 40n]);
  const [first] = results;
  assert.deepEqual(first?.status === 'fulfilled' && first.value.batch, { device: 0, runs: 4 });
  // For the log, which names the jobs of a batch that fails.
  const jobs = runs.map(({ about = [] }) => about.map(({ job }) => job).join(''));
  assert.deepEqual(jobs, ['01234567', '0123', '4567', '45', '4', '5', '67']);
  assert.deepEqual(rowsOf(runs), [8, 4, 4, 2, 1, 1, 2]);
  assert.deepEqual(
    finished.map((run) => run.runs),
    [4, 1, 2],
  );
  for (const { bundle: model, graph, device, runMs } of finished) {
    assert.deepEqual([model, graph, device], [bundle, 'batch', 0]);
    assert.ok(runMs > 0);
  }
});

test('a run that never ends costs its batch restarts, not its neighbours their results', async (t) => {
  const { plain, runner } = await start(t, { max: 4, waitMs: 10_000 }, 1_000);
  const iterations = [0n, endless, 0n, 0n];
  const results = await Promise.allSettled(
    iterations.map((count, index) => runner.run(rowRun({ iterations: count, index: BigInt(index) }))),
  );
  assert.deepEqual(numbersOf(results), [10n, 'failed', 30n, 40n]);
  assert.equal(plain.device.restarts, 3, 'of four, of two, of one');
});

test('closing finishes the runs that wait', async (t) => {
  const { runner } = await start(t, { max: 8, waitMs: 60_000 });
  const runs = [0n, 1n, 2n].map((index) => runner.run(rowRun({ index })));
  const closed = runner.close();
  const late = runner.run(rowRun({}));
  await assert.rejects(late, /closed/);
  await closed;
  const numbers = (await Promise.all(runs)).map(({ outputs }) => outputs.number?.data[0]);
  assert.deepEqual(numbers, [10n, 20n, 30n]);
});

test('closing waits for a run that never ends no longer than it may', async (t) => {
  const { plain, runner } = await start(t, { max: 4, waitMs: 0 }, 60_000);
  const results = Promise.allSettled([endless, endless].map((iterations) => runner.run(rowRun({ iterations }))));
  const startedAt = performance.now();
  await runner.close(100);
  assert.ok(performance.now() - startedAt < 5_000);
  assert.deepEqual(numbersOf(await results), ['failed', 'failed']);
  assert.equal(plain.device.restarts, 0);
});

test('closing does not give up the rows of a batch that fails', async (t) => {
  const { runner, runs } = await start(t, { max: 4, waitMs: 60_000 });
  const indices = [0n, 99n, 2n, 3n];
  const results = Promise.allSettled(indices.slice(0, 3).map((index) => runner.run(rowRun({ index }))));
  const last = runner.run(rowRun({ index: 3n }));
  await Promise.all([runner.close(), runner.close()]);
  assert.deepEqual(numbersOf([...(await results), ...(await Promise.allSettled([last]))]), [10n, 'failed', 30n, 40n]);
  assert.deepEqual(rowsOf(runs), [4, 2, 1, 1, 2]);
});

test('a run that fills a batch by itself waits for no others', async (t) => {
  const { runner, runs } = await start(t, { max: 2, waitMs: 600_000 });
  const index = integers(0n, 1n, 2n);
  const image: HostTensor = { type: 'uint8', dims: [3, 1, 1, 3], data: new Uint8Array(9) };
  const { feeds } = rowRun({});
  await runner.run({ bundle, graph: 'batch', feeds: { ...feeds, image, index, iterations: integers(0n, 0n, 0n) } });
  assert.deepEqual(rowsOf(runs), [3]);
});

test('a bundle may have limits of its own', async (t) => {
  const { runner, runs } = await start(t, { max: 1, waitMs: 0 });
  await Promise.all([1, 2, 3].map(() => runner.run(rowRun({}))));
  assert.deepEqual(rowsOf(runs), [1, 1, 1], 'without batches the runs go one by one');
  const directory = await temporaryDirectory(t);
  await writeTestBundle(directory, (manifest) => (manifest.batching = { max: 4, wait_ms: 10_000 }));
  const served = await startInferenceRunner({
    bundles: [await loadBundle(directory)],
    executionProviders: ['cpu'],
    runTimeoutMs: 20_000,
    log: silent,
  });
  t.after(() => served.close());
  assert.equal(served.devices[0]?.maxBatch, 4);
  const startedAt = performance.now();
  await Promise.all([1, 2, 3, 4].map(() => served.run(rowRun({}))));
  assert.ok(performance.now() - startedAt < 9_000, 'four runs make a full batch');
});
