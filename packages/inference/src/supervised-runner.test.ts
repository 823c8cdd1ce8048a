import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TesseraError, type TensorContract } from '@tessera/contracts';
import { SeededRandom } from '@tessera/runtime';
import {
  InvalidRunError,
  loadBundle,
  loadBundles,
  startInferenceRunner,
  TensorNotKeptError,
  type HostTensor,
  type InferenceRunner,
  type InferenceRunnerOptions,
} from './index.js';
import { temporaryDirectory, writeTestBundle } from './test-bundle.js';

/** Iterations of the countdown graph that no test outlasts. */
const endless = 10n ** 12n;

interface LogEntry {
  readonly level: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly message: string;
}

class RecordedLog {
  readonly entries: LogEntry[] = [];

  info(details: LogEntry['details'], message: string): void {
    this.entries.push({ level: 'info', details, message });
  }

  warn(details: LogEntry['details'], message: string): void {
    this.entries.push({ level: 'warn', details, message });
  }

  error(details: LogEntry['details'], message: string): void {
    this.entries.push({ level: 'error', details, message });
  }

  /** Process id of the inference process that became ready last. */
  get pid(): number {
    const pid = this.entries.findLast(({ message }) => message === 'inference process is ready')?.details.inferencePid;
    assert.ok(typeof pid === 'number');
    return pid;
  }
}

interface Started {
  readonly runner: InferenceRunner;
  readonly log: RecordedLog;
  readonly directory: string;
}

async function start(t: TestContext, options: Partial<InferenceRunnerOptions> = {}): Promise<Started> {
  const directory = await temporaryDirectory(t);
  await writeTestBundle(directory);
  const log = new RecordedLog();
  const runner = await startInferenceRunner({
    bundles: [await loadBundle(directory)],
    executionProviders: ['cpu'],
    runTimeoutMs: 20_000,
    log,
    ...options,
  });
  t.after(() => runner.close());
  return { runner, log, directory };
}

const bundle = 'test-bundle';
const floats = (dims: readonly number[], values: readonly number[]): HostTensor => ({
  type: 'float32',
  dims,
  data: Float32Array.from(values),
});
const integers = (...values: bigint[]): HostTensor => ({
  type: 'int64',
  dims: [values.length],
  data: BigInt64Array.from(values),
});
const image: HostTensor = { type: 'uint8', dims: [1, 2, 3], data: Uint8Array.of(1, 2, 3, 5, 6, 7) };
const gain = floats([3], [1, 10, 100]);

const count = (runner: InferenceRunner, iterations: bigint) =>
  runner.run({ bundle, graph: 'countdown', feeds: { iterations: integers(iterations) } });

async function assertRetryable(run: Promise<unknown>, detail: RegExp): Promise<void> {
  await assert.rejects(run, (error) => {
    assert.ok(TesseraError.isInstance(error));
    assert.equal(error.code, 'TSR_INFERENCE_FAILED');
    assert.equal(error.retryable, true);
    assert.match(error.message, detail);
    return true;
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A dead process that its new parent has not collected yet still takes signals.
    return process.platform !== 'linux' || !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

/** Waits until `condition` holds; fails when it does not within `limitMs`. */
async function eventually(condition: () => boolean, limitMs: number): Promise<void> {
  const end = performance.now() + limitMs;
  while (!condition()) {
    assert.ok(performance.now() < end, `still not so after ${limitMs} ms: ${condition.toString()}`);
    await sleep(20);
  }
}

test('a run that ends in time is no late one when this process is too busy to take its result', async (t) => {
  const { runner, log } = await start(t, { runTimeoutMs: 1_000 });
  await count(runner, 1n);
  const run = count(runner, 2n);
  // The request leaves with the next turn.
  setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500));
  await run;
  assert.deepEqual(
    log.entries.filter(({ level }) => level !== 'info'),
    [],
  );
});

test('tensors of every type go in and come back', async (t) => {
  const { runner } = await start(t);
  const normalized = await runner.run({ bundle, graph: 'normalize', feeds: { image, gain } });
  assert.deepEqual(normalized.outputs, {
    features: floats([1, 2, 3], [1, 20, 300, 5, 60, 700]),
    mean: floats([3], [3, 40, 500]),
  });
  assert.ok(normalized.runMs > 0 && normalized.runMs < 1000);

  const numbers = integers(1n, -(2n ** 62n), 3n);
  const flags: HostTensor = { type: 'bool', dims: [3], data: Uint8Array.of(1, 1, 0) };
  const { outputs } = await runner.run({ bundle, graph: 'increment', feeds: { numbers, flags } });
  assert.deepEqual(outputs, {
    incremented: integers(2n, -(2n ** 62n) + 1n, 3n),
    flipped: { type: 'bool', dims: [3], data: Uint8Array.of(0, 0, 1) },
  });

  const left = floats([2, 3], [1, 2, 3, 4, 5, 6]);
  const right = floats([3, 1], [1, 0, -1]);
  const { outputs: products } = await runner.run({ bundle, graph: 'product', feeds: { left, right } });
  assert.deepEqual(products.product, floats([2, 1], [-2, -2]));
});

test('half-precision tensors are fed, fetched and kept as their bits', async (t) => {
  const { runner } = await start(t, { keepBytes: 6 });
  // 1, −2, the smallest subnormal
  const ones: HostTensor = { type: 'float16', dims: [3], data: Uint16Array.of(0x3c00, 0xc000, 0x0001) };
  const { outputs } = await runner.run({
    bundle,
    graph: 'halves',
    feeds: { halves: ones },
    fetch: ['doubled', 'doubled_float'],
    keep: { doubled: 'twice' },
  });
  assert.deepEqual(outputs, {
    doubled: { type: 'float16', dims: [3], data: Uint16Array.of(0x4000, 0xc400, 0x0002) },
    doubled_float: floats([3], [2, -4, 2 ** -23]),
  });
  const { outputs: again } = await runner.run({
    bundle,
    graph: 'halves',
    feeds: { halves: { kept: 'twice' } },
    fetch: ['doubled_float'],
  });
  assert.deepEqual(again.doubled_float, floats([3], [4, -8, 2 ** -22]));
  const run = runner.run({ bundle, graph: 'halves', feeds: { halves: { ...ones, data: new Float32Array(3) } } });
  await assert.rejects(run, { name: 'InvalidRunError', message: /is float16 and needs a Uint16Array/ });
});

test('equal graphs with other weights beside them are not one', async (t) => {
  const directory = await temporaryDirectory(t);
  for (const name of ['first', 'second']) {
    const weights = Buffer.from(Float32Array.from([10, 20, 30, 40]).buffer);
    await writeTestBundle(path.join(directory, name), (manifest) => {
      manifest.name = name;
      if (name === 'first') return;
      const sha256 = createHash('sha256').update(weights).digest('hex');
      manifest.files['external.onnx.data'] = { sha256, bytes: weights.byteLength };
    });
    if (name === 'second') await writeFile(path.join(directory, name, 'external.onnx.data'), weights);
  }
  const { bundles } = await loadBundles(directory);
  const { runner } = await start(t, { bundles });
  const sum = async (name: string) => {
    const feeds = { floats: floats([4], [1, 1, 1, 1]) };
    const { outputs } = await runner.run({ bundle: name, graph: 'external', feeds });
    return outputs.sum;
  };
  assert.deepEqual(await sum('first'), floats([4], [2, 3, 4, 5]));
  assert.deepEqual(await sum('second'), floats([4], [11, 21, 31, 41]));
});

test('views into larger buffers and empty tensors travel as they are', async (t) => {
  const { runner } = await start(t);
  const view = Buffer.from('xxpayload').subarray(2);
  const { outputs } = await runner.run({
    bundle,
    graph: 'echo',
    feeds: { bytes: { type: 'uint8', dims: [7], data: view }, floats: floats([0], []) },
  });
  assert.deepEqual(Buffer.from(outputs.bytes_back?.data as Uint8Array), Buffer.from('payload'));
  assert.deepEqual(outputs.floats_back, floats([0], []));
});

test('megabytes travel both ways in milliseconds', async (t) => {
  const { runner } = await start(t);
  const cases: Record<string, Record<'bytes' | 'floats', HostTensor>> = {
    '3 MiB uint8': {
      bytes: { type: 'uint8', dims: [3 << 20], data: new Uint8Array(3 << 20).fill(7) },
      floats: floats([0], []),
    },
    '4 MiB float32': {
      bytes: { type: 'uint8', dims: [0], data: new Uint8Array(0) },
      floats: { type: 'float32', dims: [1 << 20], data: new Float32Array(1 << 20).fill(0.5) },
    },
  };
  for (const [name, feeds] of Object.entries(cases)) {
    const waysMs: number[] = [];
    for (let round = 0; round < 15; round++) {
      const begin = performance.now();
      const { outputs, runMs } = await runner.run({ bundle, graph: 'echo', feeds });
      waysMs.push(performance.now() - begin - runMs);
      assert.equal(outputs.bytes_back?.data.length, feeds.bytes.data.length);
      assert.equal(outputs.floats_back?.data.at(-1), feeds.floats.data.at(-1));
    }
    const median = waysMs.sort((a, b) => a - b)[7] ?? NaN;
    t.diagnostic(`${name}, both ways beside the run: median ${median.toFixed(1)} ms`);
    assert.ok(median < 500, `${name} took ${median} ms`);
  }
});

test('a request that does not fit its graph is refused with what differs', async (t) => {
  const { runner } = await start(t);
  const right = floats([3, 1], [1, 2, 3]);
  const left = floats([2, 3], [1, 2, 3, 4, 5, 6]);
  const bytes: HostTensor = { type: 'uint8', dims: [3], data: Uint8Array.of(1, 2, 3) };
  const flags: HostTensor = { type: 'bool', dims: [2], data: Uint8Array.of(1, 0) };
  const refused: [string, Partial<Parameters<InferenceRunner['run']>[0]>, RegExp][] = [
    ['unknown bundle', { bundle: 'other' }, /no graph "product" of a bundle "other"/],
    ['unknown graph', { graph: 'toString' }, /no graph "toString"/],
    ['missing input', { feeds: { left } }, /input "right" is missing/],
    ['unknown input', { feeds: { left, right, up: left } }, /no input "up"; it has left, right/],
    ['wrong type', { feeds: { left, right: bytes } }, /input "right" takes float32, got uint8/],
    ['wrong rank', { feeds: { left, right: floats([3], [1, 2, 3]) } }, /takes dimensions \[3, columns\], got \[3\]/],
    ['wrong size', { feeds: { left: floats([1, 3], [1, 2, 3]), right } }, /takes dimensions \[2, 3\], got \[1, 3\]/],
    ['other named size', { graph: 'increment', feeds: { numbers: integers(1n), flags } }, /has 2 count.* has 1/],
    ['too little data', { feeds: { left: floats([2, 3], [1]), right } }, /\[2, 3\] needs 6 values, got 1/],
    ['negative size', { feeds: { left: floats([-2, -3], [1, 2, 3, 4, 5, 6]), right } }, /which are no sizes/],
    ['wrong array', { feeds: { left: { ...left, data: new Uint8Array(6) }, right } }, /Float32Array, got Uint8Array/],
    ['unknown output', { fetch: ['sum'] }, /no output "sum"; it has product/],
    ['unknown output to keep', { keep: { sum: 'key' } }, /no output "sum"/],
    ['no output', { fetch: [] }, /no output is asked for/],
    ['not cloneable', { feeds: { left, right: { ...right, toString: () => '' } as HostTensor } }, /cannot be sent/],
  ];
  for (const [name, change, message] of refused) {
    const run = runner.run({ bundle, graph: 'product', feeds: { left, right }, ...change });
    await assert.rejects(run, (error) => error instanceof InvalidRunError && message.test(error.message), name);
  }
  assert.equal(runner.devices[0]?.restarts, 0);
});

test('a run that fails inside ONNX Runtime hides the reason from clients and keeps it as the cause', async (t) => {
  const { runner, log } = await start(t);
  const run = runner.run({
    bundle,
    graph: 'reshape',
    feeds: { floats: floats([3], [1, 2, 3]), shape: integers(2n, 2n) },
  });
  await assertRetryable(run, /^The model run failed\.$/);
  await run.catch((error: unknown) => {
    assert.match(String((error as Error).cause), /cannot be reshaped/);
  });
  assert.equal(log.entries.at(-1)?.message, 'model run failed');
  assert.equal(runner.devices[0]?.restarts, 0);
});

test('a kept output feeds later runs without travelling', async (t) => {
  const { runner } = await start(t);
  const kept = await runner.run({
    bundle,
    graph: 'normalize',
    feeds: { image, gain },
    fetch: [],
    keep: { mean: 'image-1/mean' },
  });
  assert.deepEqual(kept.outputs, {});
  assert.equal(await runner.holds(['image-1/mean']), true);
  assert.equal(await runner.holds(['image-1/mean', 'image-2/mean']), false);
  const both = await runner.run({
    bundle,
    graph: 'normalize',
    feeds: { image, gain: { kept: 'image-1/mean' } },
    keep: { features: 'image-1/features' },
  });
  assert.deepEqual(both.outputs, { mean: floats([3], [9, 160, 2500]) });
  await assert.rejects(
    runner.run({
      bundle,
      graph: 'product',
      feeds: { left: { kept: 'image-1/features' }, right: floats([3, 1], [1, 2, 3]) },
    }),
    (error) => error instanceof InvalidRunError && error.message.includes('input "left" takes dimensions [2, 3]'),
  );
});

test('kept tensors beyond the limit go least recently used first', async (t) => {
  const { runner } = await start(t, { keepBytes: 24 });
  const keepMean = (key: string) =>
    runner.run({ bundle, graph: 'normalize', feeds: { image, gain }, fetch: [], keep: { mean: key } });
  await keepMean('a');
  await keepMean('b');
  assert.equal(await runner.holds(['a']), true);
  await keepMean('c');
  assert.equal(await runner.holds(['a', 'c']), true);
  await assert.rejects(
    runner.run({ bundle, graph: 'normalize', feeds: { image, gain: { kept: 'b' } } }),
    (error) => error instanceof TensorNotKeptError && error.message.includes('"b"'),
  );
  await assert.rejects(
    runner.run({ bundle, graph: 'normalize', feeds: { image, gain }, keep: { mean: 'd', features: 'e' } }),
    (error) => error instanceof InvalidRunError && error.message.includes('36 bytes to keep exceed the limit of 24'),
  );
});

test('a kept tensor can be read, and kept again in another process', async (t) => {
  const [one, other] = [await start(t), await start(t, { keepBytes: 24 })];
  await one.runner.run({ bundle, graph: 'normalize', feeds: { image, gain }, fetch: [], keep: { mean: 'mean' } });
  const mean = await one.runner.readKept('mean');
  assert.deepEqual(mean, floats([3], [3, 40, 500]));
  assert.equal(await other.runner.readKept('mean'), undefined);

  await other.runner.keep('mean', mean);
  assert.equal(await other.runner.holds(['mean']), true);
  const feeds = { image, gain: { kept: 'mean' } };
  const { outputs } = await other.runner.run({ bundle, graph: 'normalize', feeds, fetch: ['mean'] });
  assert.deepEqual(outputs.mean, floats([3], [9, 160, 2500]));

  const tooFew = { ...floats([3], [1, 2, 3]), dims: [4] };
  await assert.rejects(
    other.runner.keep('wrong', tooFew),
    (error) => error instanceof InvalidRunError && error.message.includes('needs 4 values, got 3'),
  );
  await assert.rejects(
    other.runner.keep('large', floats([7], [1, 2, 3, 4, 5, 6, 7])),
    (error) => error instanceof InvalidRunError && error.message.includes('28 bytes to keep exceed the limit of 24'),
  );
  assert.equal(await other.runner.holds(['mean']), true);
});

test('while the process is down nothing is kept and nothing is read', async (t) => {
  const { runner, log } = await start(t);
  await runner.keep('key', gain);
  process.kill(log.pid, 'SIGKILL');
  await runner.keep('key', gain).catch(() => assert.fail('keeping does not fail'));
  assert.equal(await runner.readKept('key'), undefined);
  assert.equal(await runner.holds(['key']), false);
});

test('memory does not grow with images of varied shapes whose outputs were kept and dropped', async (t) => {
  if (process.platform !== 'linux') {
    t.skip('resident memory is read from /proc');
    return;
  }
  const { runner, log } = await start(t, { keepBytes: 32 * 2 ** 20 });
  const residentMiB: number[] = [];
  const shape = new SeededRandom(1);
  for (let index = 0; index < 300; index++) {
    const [height, width] = [300 + Math.floor(500 * shape.next()), 300 + Math.floor(500 * shape.next())];
    const pixels: HostTensor = { type: 'uint8', dims: [height, width, 3], data: new Uint8Array(height * width * 3) };
    const feeds = { image: pixels, gain };
    await runner.run({ bundle, graph: 'normalize', feeds, fetch: ['mean'], keep: { features: `image-${index}` } });
    const [, kib = ''] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${log.pid}/status`, 'utf8')) ?? [];
    residentMiB.push(Number(kib) / 1024);
  }
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [before, after] = [mean(residentMiB.slice(100, 200)), mean(residentMiB.slice(200))];
  t.diagnostic(`${before.toFixed(0)} MiB, then ${after.toFixed(0)} MiB`);
  assert.ok(after - before < 40, `resident memory grew from ${before} to ${after} MiB within 100 images`);
});

test('runs are answered in order and leave the event loop free', async (t) => {
  const { runner } = await start(t);
  const order: bigint[] = [];
  let ticks = 0;
  const ticker = setInterval(() => ticks++, 10);
  await Promise.all(
    [200_000n, 3n, 2n, 1n].map(async (iterations) => {
      const { outputs } = await count(runner, iterations);
      assert.deepEqual(outputs.total, integers(iterations));
      order.push(iterations);
    }),
  );
  clearInterval(ticker);
  assert.deepEqual(order, [200_000n, 3n, 2n, 1n]);
  assert.ok(ticks >= 5, `${ticks} ticks during the runs`);
});

test('a run beyond its time ends with its process, and the runs behind it are answered by the next one', async (t) => {
  const { runner, log } = await start(t, { runTimeoutMs: 1000 });
  const first = log.pid;
  await runner.run({ bundle, graph: 'normalize', feeds: { image, gain }, keep: { mean: 'kept' } });
  const slow = count(runner, endless);
  const behind = count(runner, 5n);
  await assertRetryable(slow, /took longer than 1000 ms/);
  assert.deepEqual((await behind).outputs.total, integers(5n));
  assert.equal(runner.devices[0]?.restarts, 1);
  assert.equal(isAlive(first), false);
  assert.equal(await runner.holds(['kept']), false);
});

for (const signal of ['SIGKILL', 'SIGABRT'] as const) {
  test(`${signal} during a run fails that run alone`, async (t) => {
    const { runner, log } = await start(t);
    const slow = count(runner, endless);
    const behind = count(runner, 5n);
    setTimeout(() => process.kill(log.pid, signal), 300);
    await assertRetryable(
      slow,
      new RegExp(`was killed by ${signal}\\. Send the request again later.*operator.*log.*memory`),
    );
    assert.equal(await runner.holds(['anything']), false);
    assert.deepEqual((await behind).outputs.total, integers(5n));
    assert.equal(runner.devices[0]?.restarts, 1);
  });
}

test('signals of a terminal or an init system do not end the process', async (t) => {
  const { runner, log } = await start(t);
  process.kill(log.pid, 'SIGINT');
  process.kill(log.pid, 'SIGTERM');
  assert.deepEqual((await count(runner, 5n)).outputs.total, integers(5n));
  assert.equal(runner.devices[0]?.restarts, 0);
});

test('runs wait out a start that fails', async (t) => {
  const { runner, log, directory } = await start(t);
  const graph = path.join(directory, 'echo.onnx');
  await rename(graph, `${graph}.away`);
  process.kill(log.pid, 'SIGKILL');
  await eventually(() => runner.devices[0]?.restarts === 1, 5_000);
  const waiting = [count(runner, 2n), count(runner, 3n)];
  await eventually(() => log.entries.some(({ message }) => message.includes('cannot start')), 15_000);
  waiting.push(count(runner, 4n));
  await rename(`${graph}.away`, graph);
  const totals = (await Promise.all(waiting)).map(({ outputs }) => outputs.total);
  assert.deepEqual(totals, [integers(2n), integers(3n), integers(4n)]);
});

test('a process that is down for longer than a run may take refuses runs at once and is tried again until it can', async (t) => {
  const { runner, log, directory } = await start(t, { runTimeoutMs: 1_000 });
  const graph = path.join(directory, 'echo.onnx');
  await rename(graph, `${graph}.away`);
  process.kill(log.pid, 'SIGKILL');
  await assertRetryable(count(runner, endless), /was killed by SIGKILL|not running/);
  await assertRetryable(count(runner, 1n), /not running/);
  const failedStarts = () => log.entries.filter(({ message }) => message.includes('cannot start'));
  const before = failedStarts();
  await assertRetryable(count(runner, 1n), /not running/);
  assert.equal(failedStarts().length, before.length, 'the refusal waited for another start');
  assert.match(String(before[0]?.details.reason), /graph "echo"/);

  await rename(`${graph}.away`, graph);
  const pid = log.pid;
  await eventually(() => log.pid !== pid, 15_000);
  assert.deepEqual((await count(runner, 2n)).outputs.total, integers(2n));
});

test('cuda on a machine without it falls back to cpu and says so', async (t) => {
  const { runner, log } = await start(t, { executionProviders: ['cuda', 'cpu'] });
  const rejected = log.entries.find(({ level }) => level === 'warn');
  if (runner.devices[0]?.executionProvider === 'cuda') {
    assert.equal(rejected, undefined);
    t.skip('this machine has CUDA: there is nothing to fall back from');
    return;
  }
  assert.equal(runner.devices[0]?.executionProvider, 'cpu');
  assert.equal(rejected?.details.executionProvider, 'cuda');
  assert.match(String(rejected.details.reason), /cannot be loaded on cuda/);
  assert.deepEqual((await count(runner, 2n)).outputs.total, integers(2n));
});

test('graphs that cannot be loaded are reported by the start', async (t) => {
  const tensor: TensorContract = { dtype: 'uint8', shape: [2, 3] };
  const directory = await temporaryDirectory(t);
  const begin = (executionProviders: InferenceRunnerOptions['executionProviders'] = ['cpu']) =>
    loadBundle(directory).then((loaded) =>
      startInferenceRunner({ bundles: [loaded], executionProviders, runTimeoutMs: 1000, log: new RecordedLog() }),
    );
  // Nothing at all is a message of protobuf, but no model.
  await writeFile(path.join(directory, 'empty.onnx'), '');
  await writeTestBundle(directory, ({ files, graphs }) => {
    files['empty.onnx'] = { sha256: createHash('sha256').digest('hex'), bytes: 0 };
    graphs.echo = { file: 'empty.onnx', inputs: {}, outputs: {} };
  });
  await assert.rejects(begin(), {
    name: 'InferenceStartError',
    message: /graph "echo" of bundle "test-bundle" cannot/,
  });
  await writeTestBundle(directory, ({ graphs }) => graphs.product?.inputs && (graphs.product.inputs.left = tensor));
  await assert.rejects(begin(), {
    name: 'InferenceStartError',
    message: /graph "product" of bundle "test-bundle" has the input "left" float32 \[2, 3\], but .* uint8 \[2, 3\]/,
  });
  await assert.rejects(begin([]), { name: 'InferenceStartError', message: /No execution provider is configured/ });
});

test('closing finishes the accepted runs and then ends the process', async (t) => {
  const { runner, log } = await start(t);
  const runs = [count(runner, 50_000n), count(runner, 7n)];
  const closed = runner.close();
  await assertRetryable(count(runner, 1n), /closed/);
  await closed;
  assert.deepEqual((await Promise.all(runs)).at(-1)?.outputs.total, integers(7n));
  assert.equal(isAlive(log.pid), false);
  assert.equal(runner.devices[0]?.restarts, 0);
});

test('closing a process that is being replaced does not wait for it', async (t) => {
  const { runner, log } = await start(t);
  process.kill(log.pid, 'SIGKILL');
  const waiting = count(runner, 1n);
  const failed = assertRetryable(waiting, /SIGKILL|not running/);
  await eventually(() => runner.devices[0]?.restarts === 1, 5_000);
  await runner.close();
  await failed;
  assert.equal(isAlive(log.pid), false);
});

test('closing does not wait out an outage', async (t) => {
  const { runner, log, directory } = await start(t, { runTimeoutMs: 60_000 });
  const graph = path.join(directory, 'echo.onnx');
  await rename(graph, `${graph}.away`);
  process.kill(log.pid, 'SIGKILL');
  const failed = assertRetryable(count(runner, 1n), /SIGKILL|not running/);
  await eventually(() => log.entries.some(({ message }) => message.includes('cannot start')), 15_000);
  const startedAt = performance.now();
  await runner.close();
  assert.ok(performance.now() - startedAt < 15_000);
  await failed;
});

test('no inference process outlives a killed parent, not even during an endless run', async (t) => {
  const directory = await temporaryDirectory(t);
  await writeTestBundle(path.join(directory, 'bundle'));
  const script = path.join(directory, 'parent.mjs');
  await writeFile(
    script,
    `import { loadBundle, startInferenceRunner } from ${JSON.stringify(new URL('index.js', import.meta.url).href)};
     const log = { info: ({ inferencePid }) => console.log(inferencePid), warn() {}, error() {} };
     const bundles = [await loadBundle(${JSON.stringify(path.join(directory, 'bundle'))})];
     const runner = await startInferenceRunner({ bundles, executionProviders: ['cpu'], runTimeoutMs: 60000, log });
     if (process.argv[2] !== 'idle') {
       const iterations = { type: 'int64', dims: [1], data: BigInt64Array.of(${endless}n) };
       await runner.run({ bundle: 'test-bundle', graph: 'countdown', feeds: { iterations } });
     }`,
  );
  for (const state of ['idle', 'running']) {
    const parent = spawn(process.execPath, [script, state], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    t.after(() => isAlive(pid) && process.kill(pid, 'SIGKILL'));
    assert.ok(isAlive(pid));
    await sleep(300);
    parent.kill('SIGKILL');
    await eventually(() => !isAlive(pid), 10_000);
  }
});
