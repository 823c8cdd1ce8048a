import type { BundleManifest, GraphContract } from '@tessera/contracts';
import { settledWithin } from '@tessera/runtime';
import { assertFeeds, graphOn } from './graph-contract.js';
import type {
  BatchRequest,
  FinishedRun,
  HostTensor,
  InferenceDevice,
  RunRequest,
  RunResult,
} from './inference-runner.js';
import type { InferenceLog } from './log.js';
import { canShare, mergeRuns, splitResult, type BatchableRun } from './merge-runs.js';
import { runFailure, type SupervisedRunner } from './supervised-runner.js';

/** What runs of a bundle that says nothing of its own are put together to. */
export interface BatchLimits {
  /** Most rows of one run. */
  readonly max: number;
  /** How long a run waits for others while nothing else runs. */
  readonly waitMs: number;
}

interface WaitingRun {
  readonly request: BatchRequest;
  /** Nothing when the run is for itself. */
  readonly batchable: BatchableRun | undefined;
  readonly limits: BatchLimits;
  /** Of `performance.now()`: from then on it waits for no others. */
  readonly dueAt: number;
  readonly resolve: (result: RunResult) => void;
  readonly reject: (error: unknown) => void;
}

type ProcessRunner = Pick<
  SupervisedRunner,
  'device' | 'run' | 'holds' | 'keep' | 'readKept' | 'prepareClose' | 'close'
>;

/**
 * Hands runs to one process, one after the other, and puts those that wait for the same graph together: while one run is
 * under way, those that arrive collect, and the one that has waited longest takes along all that can share a batch with it.
 * A run that finds the device idle starts at once; one that is cancelled while it waits is dropped. A batch that fails is
 * halved until the runs that fail are alone, so that a run takes part in 1 + log₂ of the largest batch at most. Batches
 * have 1, 2, 4, 8 … rows, since every other shape costs an accelerator memory.
 */
export class BatchingRunner {
  readonly #runner: ProcessRunner;
  readonly #bundles: ReadonlyMap<string, BundleManifest>;
  readonly #limits: () => BatchLimits;
  readonly #log: InferenceLog;
  readonly #onRun: (run: FinishedRun) => void;
  #waiting: WaitingRun[] = [];
  #running = 0;
  /** Fulfils when every accepted run is over; undefined while there is none. */
  #draining: Promise<void> | undefined;
  #isClosed = false;
  /** Looks at the waiting runs again. */
  #wake: () => void = () => undefined;

  /**
   * @param limits - asked at every run: the default depends on the provider, which a restart may change
   * @param onRun - gets every run of the process that has succeeded
   */
  constructor(
    runner: ProcessRunner,
    bundles: readonly BundleManifest[],
    limits: () => BatchLimits,
    log: InferenceLog,
    onRun: (run: FinishedRun) => void = () => undefined,
  ) {
    this.#runner = runner;
    this.#bundles = new Map(bundles.map((manifest) => [manifest.name, manifest]));
    this.#limits = limits;
    this.#log = log;
    this.#onRun = onRun;
  }

  get device(): InferenceDevice {
    const maxima = [...this.#bundles.keys()].map((bundle) => this.#limitsOf(bundle).max);
    return { ...this.#runner.device, maxBatch: Math.max(1, ...maxima) };
  }

  /** Runs that were accepted and are not over. */
  get pendingRuns(): number {
    return this.#waiting.length + this.#running;
  }

  async run({ signal, ...request }: RunRequest): Promise<RunResult> {
    if (this.#isClosed) throw runFailure('The inference process is closed.');
    signal?.throwIfAborted();
    const limits = this.#limitsOf(request.bundle);
    const batchable = limits.max > 1 ? this.#asBatchable(request) : undefined;
    const settled = new AbortController();
    const result = new Promise<RunResult>((resolve, reject) => {
      const dueAt = performance.now() + (batchable === undefined ? 0 : limits.waitMs);
      const run = { request, batchable, limits, dueAt, resolve, reject };
      const drop = () => {
        this.#drop(run, signal?.reason);
      };
      signal?.addEventListener('abort', drop, { once: true, signal: settled.signal });
      this.#waiting.push(run);
      this.#wake();
      this.#draining ??= this.#drain();
    });
    return await result.finally(() => {
      settled.abort();
    });
  }

  holds(keys: readonly string[]): Promise<boolean> {
    return this.#runner.holds(keys);
  }

  keep(key: string, tensor: HostTensor): Promise<void> {
    return this.#runner.keep(key, tensor);
  }

  readKept(key: string): Promise<HostTensor | undefined> {
    return this.#runner.readKept(key);
  }

  async close(finishMs?: number): Promise<void> {
    this.#isClosed = true;
    this.#runner.prepareClose();
    this.#wake();
    const finished = this.#draining ?? Promise.resolve();
    await (finishMs === undefined ? finished : settledWithin(finished, finishMs));
    await this.#runner.close();
  }

  #limitsOf(bundle: string): BatchLimits {
    const { max, waitMs } = this.#limits();
    const { batching } = this.#bundles.get(bundle) ?? {};
    return { max: batching?.max ?? max, waitMs: batching?.wait_ms ?? waitMs };
  }

  /** @throws InvalidRunError, so that a mistake in one run's feeds never reaches others */
  #asBatchable(request: BatchRequest): BatchableRun | undefined {
    const graphs = this.#bundles.get(request.bundle)?.graphs ?? {};
    const description = Object.hasOwn(graphs, request.graph) ? graphs[request.graph] : undefined;
    const contract: GraphContract | undefined =
      description === undefined ? undefined : graphOn(this.#runner.device.executionProvider, description);
    if (contract?.batch === undefined) return undefined;
    const sizes = assertFeeds(`graph "${request.graph}" of bundle "${request.bundle}"`, contract, request.feeds);
    const rows = sizes.get(contract.batch);
    return rows === undefined || rows === 0 ? undefined : { request, contract, rows };
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const due = this.#waiting.find((run) => this.#isDue(run));
      if (due === undefined) {
        await this.#change();
        continue;
      }
      const runs = this.#take(due);
      this.#running = runs.length;
      // Whatever goes wrong, those that wait behind get their turn.
      await this.#runTogether(runs).catch((error: unknown) => {
        for (const { reject } of runs) reject(error);
      });
      this.#running = 0;
    }
    this.#draining = undefined;
  }

  #isDue(run: WaitingRun): boolean {
    return this.#isClosed || run.dueAt <= performance.now() || rowsOf(this.#companions(run)) >= run.limits.max;
  }

  /** Until another run arrives, the first one is due, or the runner closes. */
  async #change(): Promise<void> {
    const dueInMs = Math.min(...this.#waiting.map(({ dueAt }) => dueAt)) - performance.now();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, dueInMs));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** The run and those behind and before it that can share a batch with it, as many as the batch may have. */
  #companions(first: WaitingRun): WaitingRun[] {
    const { batchable, request } = first;
    if (batchable === undefined) return [first];
    const chosen = [first];
    let rows = batchable.rows;
    for (const run of this.#waiting) {
      if (run === first || run.batchable === undefined || rows + run.batchable.rows > first.limits.max) continue;
      const isSameGraph = run.request.bundle === request.bundle && run.request.graph === request.graph;
      if (!isSameGraph || !canShare(batchable, run.batchable)) continue;
      chosen.push(run);
      rows += run.batchable.rows;
    }
    return chosen;
  }

  /** Nothing happens to a run that has started. */
  #drop(run: WaitingRun, reason: unknown): void {
    if (!this.#waiting.includes(run)) return;
    this.#waiting = this.#waiting.filter((other) => other !== run);
    run.reject(reason);
    this.#wake();
  }

  #take(first: WaitingRun): WaitingRun[] {
    const chosen = this.#companions(first);
    while (chosen.length > 1 && !Number.isInteger(Math.log2(rowsOf(chosen)))) chosen.pop();
    this.#waiting = this.#waiting.filter((run) => !chosen.includes(run));
    return chosen;
  }

  async #run(request: BatchRequest, runs: number): Promise<RunResult> {
    const result = await this.#runner.run(request);
    const { bundle, graph } = request;
    const batch = { device: this.#runner.device.id, runs };
    this.#onRun({ bundle, graph, ...batch, runMs: result.runMs });
    return { ...result, batch };
  }

  async #runTogether(runs: readonly WaitingRun[]): Promise<void> {
    const [first, ...others] = runs.flatMap(({ batchable }) => batchable ?? []);
    if (runs.length === 1 || first === undefined) {
      for (const { request, resolve, reject } of runs) await this.#run(request, 1).then(resolve, reject);
      return;
    }
    try {
      const merged = mergeRuns([first, ...others]);
      const results = splitResult(await this.#run(merged, runs.length), [first, ...others]);
      for (const [index, result] of results.entries()) runs[index]?.resolve(result);
    } catch (error) {
      const { bundle, graph } = first.request;
      const about = runs.flatMap(({ request }) => request.about ?? []);
      this.#log.warn({ bundle, graph, runs: runs.length, about, err: error }, 'batch failed; running its halves');
      const middle = Math.floor(runs.length / 2);
      await this.#runTogether(runs.slice(0, middle));
      await this.#runTogether(runs.slice(middle));
    }
  }
}

function rowsOf(runs: readonly WaitingRun[]): number {
  return runs.reduce((sum, { batchable }) => sum + (batchable?.rows ?? 1), 0);
}
