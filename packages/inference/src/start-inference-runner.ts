import { availableParallelism } from 'node:os';
import path from 'node:path';
import type { GraphDescription } from '@tessera/contracts';
import { BatchingRunner, type BatchLimits } from './batching-runner.js';
import type { Bundle } from './bundle.js';
import { DeviceRunners } from './device-runners.js';
import type { FinishedRun, InferenceRunner } from './inference-runner.js';
import { isInstalled } from './is-installed.js';
import type { InferenceLog } from './log.js';
import type { BundleGraph, GraphFile, LoadMessage } from './protocol.js';
import { SideProcesses } from './side-processes.js';
import { SupervisedRunner } from './supervised-runner.js';

const KEEP_BYTES_DEFAULT = 256_000_000;
const CUDA_BATCH_DEFAULT = 8;
const SIDE_PROCESSES_DEFAULT = 4;

export interface InferenceRunnerOptions {
  readonly bundles: readonly Bundle[];
  /**
   * In order of preference; the first one on which every graph loads is used. `['cuda']` alone means no fallback: a
   * machine without CUDA is then an error.
   */
  readonly executionProviders: readonly ('cuda' | 'cpu')[];
  /** One inference process for each: CUDA's number of the device, on the CPU a number and no more. By default 0 alone. */
  readonly devices?: readonly number[];
  /** Threads of one run on the CPU; otherwise the processes share the cores. */
  readonly threads?: number | undefined;
  /** A run that takes longer is ended, and the process with it. */
  readonly runTimeoutMs: number;
  /**
   * Most processes that take runs of the graphs that go `side_by_side`, beside the process of a single CPU device; by default
   * one per core up to 4, and none where `threads` is given or runs are put together. There are none on CUDA.
   */
  readonly sideProcesses?: number | undefined;
  /** Memory for kept tensors in each process; by default 256 MB. */
  readonly keepBytes?: number;
  /** How runs that wait are put together; by default 8 rows on CUDA and 1 on the CPU, without waiting. */
  readonly batching?: Partial<BatchLimits>;
  /** Gets every run that has succeeded. */
  readonly onRun?: ((run: FinishedRun) => void) | undefined;
  readonly log: InferenceLog;
}

/** An inference process could not be started for the first time; the message says why. */
export class InferenceStartError extends Error {
  override readonly name = 'InferenceStartError';
}

/**
 * Starts an inference process per device, each with every graph of the bundles. From then on a process is replaced
 * whenever it ends. Nothing is warmed up.
 *
 * @throws InferenceStartError when a graph cannot be loaded on any of the execution providers, the devices do not have the
 *   same one, or ONNX Runtime is not installed
 */
export async function startInferenceRunner(options: InferenceRunnerOptions): Promise<InferenceRunner> {
  if (!isInstalled('onnxruntime-node')) {
    throw new InferenceStartError(
      'onnxruntime-node, which runs the models, is not installed. It is an optional dependency: run "npm ci" again ' +
        'without --omit=optional.',
    );
  }
  const { devices = [0], runTimeoutMs, log } = options;
  if (devices.length === 0 || new Set(devices).size < devices.length) {
    throw new InferenceStartError(
      `The devices ${devices.join(', ') || '(none)'} must be different ones, at least one.`,
    );
  }
  const threads = devices.length === 1 ? undefined : Math.max(1, Math.floor(availableParallelism() / devices.length));
  const load = {
    graphs: options.bundles.flatMap(bundleGraphs),
    executionProviders: options.executionProviders,
    threads: options.threads ?? threads,
    keepBytes: options.keepBytes ?? KEEP_BYTES_DEFAULT,
  };
  const runners = devices.map(
    (deviceId) => new SupervisedRunner({ ...load, deviceId }, { runTimeoutMs, log: logOf(log, { device: deviceId }) }),
  );
  const starts = await Promise.allSettled(runners.map((runner) => runner.started()));
  const failures = starts.flatMap((start, index) =>
    start.status === 'fulfilled'
      ? []
      : [`The inference process of device ${devices[index]} cannot start: ${reasonOf(start)}`],
  );
  const providers = new Set(runners.map(({ device }) => device.executionProvider));
  if (failures.length === 0 && providers.size > 1) {
    // Jobs would be fast or slow by chance.
    const found = runners.map(({ device }) => `${device.id} runs on ${device.executionProvider}`).join(', ');
    failures.push(`The devices have different execution providers: ${found}`);
  }
  const [failure] = failures;
  if (failure === undefined) {
    const mayHaveSide = providers.has('cpu') && devices.length === 1;
    if (!mayHaveSide && (options.sideProcesses ?? 0) > 0) {
      log.warn({}, 'there are no side processes: they are for a single CPU device');
    }
    const side = mayHaveSide ? sideProcesses(load, options) : undefined;
    return new DeviceRunners(
      runners.map((runner) => withBatches(runner, options)),
      side,
    );
  }
  await Promise.all(runners.map((runner) => runner.close()));
  throw new InferenceStartError(failure);
}

/** Nothing where a run uses all cores well, or no graph may go side by side. */
function sideProcesses(
  load: Omit<LoadMessage, 'type' | 'deviceId'>,
  options: InferenceRunnerOptions,
): SideProcesses | undefined {
  const cores = availableParallelism();
  const isTuned = options.threads !== undefined || options.batching?.max !== undefined;
  const byDefault = isTuned || cores === 1 ? 0 : Math.min(cores, SIDE_PROCESSES_DEFAULT);
  const count = options.sideProcesses ?? byDefault;
  const graphs = load.graphs.filter(({ sideBySide }) => sideBySide === true);
  if (count === 0 || graphs.length === 0) return undefined;
  const [deviceId = 0] = options.devices ?? [];
  const log = logOf(options.log, { device: deviceId, side: true });
  const own = { ...load, graphs, deviceId, executionProviders: ['cpu'] };
  return new SideProcesses({ graphs, count, log }, (index) => {
    // The rest of the division goes to the last ones.
    const threads = options.threads ?? Math.max(1, Math.floor((cores + index) / count));
    const process = new SupervisedRunner({ ...own, threads }, { runTimeoutMs: options.runTimeoutMs, log });
    return { runner: withBatches(process, { ...options, log }), started: process.started() };
  });
}

function withBatches(
  runner: SupervisedRunner,
  { bundles, batching = {}, log, onRun }: InferenceRunnerOptions,
): BatchingRunner {
  const manifests = bundles.map(({ manifest }) => manifest);
  const limits = (): BatchLimits => ({
    max: runner.device.executionProvider === 'cuda' ? CUDA_BATCH_DEFAULT : 1,
    waitMs: 0,
    ...batching,
  });
  return new BatchingRunner(runner, manifests, limits, logOf(log, { device: runner.device.id }), onRun);
}

function bundleGraphs(bundle: Bundle): BundleGraph[] {
  return Object.entries(bundle.manifest.graphs).map(
    ([graph, { cuda, side_by_side: sideBySide = false, ...description }]) => ({
      bundle: bundle.manifest.name,
      graph,
      // Runs that are put together go one after the other.
      sideBySide: sideBySide && (bundle.manifest.batching?.max ?? 1) === 1,
      ...graphFile(bundle, description, bundle.graphHash(graph)),
      ...(cuda === undefined ? {} : { cuda: graphFile(bundle, cuda, bundle.graphHash(graph, 'cuda')) }),
    }),
  );
}

function graphFile(
  { directory }: Bundle,
  { file, ...contract }: Omit<GraphDescription, 'cuda' | 'side_by_side'>,
  hash: string,
): GraphFile {
  return { path: path.join(directory, file), hash, contract };
}

/** @param fields - that its lines have */
function logOf(log: InferenceLog, fields: { readonly device: number; readonly side?: true }): InferenceLog {
  return {
    info: (details, message) => {
      log.info({ ...fields, ...details }, message);
    },
    warn: (details, message) => {
      log.warn({ ...fields, ...details }, message);
    },
    error: (details, message) => {
      log.error({ ...fields, ...details }, message);
    },
  };
}

function reasonOf({ reason }: PromiseRejectedResult): string {
  return reason instanceof Error ? reason.message : String(reason);
}
