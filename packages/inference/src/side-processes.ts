import type { BatchingRunner } from './batching-runner.js';
import type { RunRequest, SideState } from './inference-runner.js';
import type { InferenceLog } from './log.js';

/** So many more runs than not have to find another one under way until the processes start: a pair of requests is no load. */
const contendedRunsToStart = 8;
/** After so long without a run the processes end, and their memory is free. */
const idleMs = 60_000;
/** How long the runs of idle processes may take to end: there are none. */
const closingMs = 1_000;

/** A process on its way. */
export interface StartedProcess {
  readonly runner: BatchingRunner;
  /** Rejects when it cannot start. */
  readonly started: Promise<void>;
}

interface SideOptions {
  /** Those that the processes have. */
  readonly graphs: readonly { readonly bundle: string; readonly graph: string }[];
  /** How many processes there are under load. */
  readonly most: number;
  readonly log: InferenceLog;
  readonly idleMs?: number;
}

/**
 * Processes that take runs of small graphs while many wait, as many at a time as there are processes, each with its share of the
 * cores: two runs of one thread each need less CPU time than one after the other on two threads. They start under load and end
 * after it. A run alone has all cores, in the device's own process.
 */
export class SideProcesses {
  readonly #options: SideOptions;
  readonly #start: () => StartedProcess;
  readonly #graphs: ReadonlySet<string>;
  #runners: readonly BatchingRunner[] = [];
  /** Of processes that have ended. */
  #earlierRestarts = 0;
  #contended = 0;
  #hasFailed = false;
  #isClosed = false;
  #idleTimer: NodeJS.Timeout | undefined;

  /** @param start - starts a process, whose device is ready once it has its graphs */
  constructor(options: SideOptions, start: () => StartedProcess) {
    this.#options = options;
    this.#start = start;
    this.#graphs = new Set(options.graphs.map(keyOf));
  }

  get state(): SideState {
    return { most: this.#options.most, pids: this.#runners.flatMap(({ device }) => device.pid ?? []) };
  }

  /** How often a process had to be replaced. */
  get restarts(): number {
    return this.#earlierRestarts + restartsOf(this.#runners);
  }

  /**
   * The least busy process; nothing when the run is not for them, has all cores for itself, or no process is ready.
   *
   * @param isDeviceIdle - whether the device's own process has no run
   */
  take(request: RunRequest, isDeviceIdle: boolean): BatchingRunner | undefined {
    if (this.#isClosed || !this.#graphs.has(keyOf(request)) || request.keep !== undefined) return undefined;
    if (isDeviceIdle && this.#runners.every(({ pendingRuns }) => pendingRuns === 0)) {
      this.#contended = Math.max(0, this.#contended - 1);
      return undefined;
    }
    this.#contended = Math.min(contendedRunsToStart, this.#contended + 1);
    if (this.#contended === contendedRunsToStart) this.#startAll();
    const [least] = this.#runners
      .filter(({ device }) => device.ready)
      .sort((one, other) => one.pendingRuns - other.pendingRuns);
    if (least !== undefined) this.#idleTimer?.refresh();
    return least;
  }

  /** @param finishMs - as of an `InferenceRunner` */
  async close(finishMs?: number): Promise<void> {
    this.#isClosed = true;
    await this.#endAll(finishMs);
  }

  #startAll(): void {
    if (this.#runners.length > 0 || this.#hasFailed) return;
    const { most, log } = this.#options;
    log.info({ processes: most }, 'many runs wait; starting side processes');
    const processes = Array.from({ length: most }, this.#start);
    this.#runners = processes.map(({ runner }) => runner);
    void this.#awaitStart(processes.map(({ started }) => started));
  }

  /** A process that cannot start leaves its runs to the device's own process. */
  async #awaitStart(starts: readonly Promise<void>[]): Promise<void> {
    try {
      await Promise.all(starts);
      if (this.#isClosed) return;
      this.#idleTimer = setTimeout(() => {
        this.#endIfIdle();
      }, this.#options.idleMs ?? idleMs);
      this.#idleTimer.unref();
    } catch (error) {
      if (this.#isClosed) return;
      this.#hasFailed = true;
      this.#options.log.warn({ err: error }, 'side processes cannot start; going on without them');
      await this.#endAll(closingMs);
    }
  }

  #endIfIdle(): void {
    if (this.#runners.some(({ pendingRuns }) => pendingRuns > 0)) {
      this.#idleTimer?.refresh();
      return;
    }
    this.#contended = 0;
    this.#options.log.info({}, 'side processes have nothing to do; ending them');
    void this.#endAll(closingMs);
  }

  async #endAll(finishMs: number | undefined): Promise<void> {
    clearTimeout(this.#idleTimer);
    const ending = this.#runners;
    this.#earlierRestarts += restartsOf(ending);
    this.#runners = [];
    await Promise.all(ending.map((runner) => runner.close(finishMs)));
  }
}

function restartsOf(runners: readonly BatchingRunner[]): number {
  return runners.reduce((sum, { device }) => sum + device.restarts, 0);
}

function keyOf({ bundle, graph }: { readonly bundle: string; readonly graph: string }): string {
  return JSON.stringify([bundle, graph]);
}
