import { settledWithin } from '@tessera/runtime';
import type { BatchingRunner } from './batching-runner.js';
import type { RunRequest, RunResult } from './inference-runner.js';
import type { InferenceLog } from './log.js';

const defaultTimes = {
  /** Load is when runs have found others under way for so long … */
  loadMs: 2_000,
  /** … and never paused for so long. */
  pauseMs: 1_000,
  /** A run that has waited so long for one of the processes goes to the device. */
  longestWaitMs: 1_000,
  /** After so long without a run the processes end, and their memory is free. */
  idleMs: 60_000,
  /** For so long they are not started again when they could not start or died too often. */
  restMs: 600_000,
};

/** Deaths of started processes after which they end: most likely memory is short, and the service works without them. */
const mostDeaths = 3;

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
  readonly count: number;
  readonly log: InferenceLog;
  readonly times?: Partial<typeof defaultTimes>;
}

/**
 * Processes that take runs of small graphs while many wait, one run at a time each, with its share of the cores: two runs of
 * one thread each need less CPU time than one after the other on two threads. They start under load and end after it. A run
 * alone has all cores, in the device's own process.
 */
export class SideProcesses {
  readonly #options: SideOptions;
  readonly #times: typeof defaultTimes;
  readonly #start: (index: number) => StartedProcess;
  readonly #graphs: ReadonlySet<string>;
  #runners: readonly BatchingRunner[] = [];
  readonly #busy = new Set<BatchingRunner>();
  readonly #accepted = new Set<Promise<unknown>>();
  /** Runs that wait for a process, the first one first; each gets one, or nothing when there is none for it. */
  #waiting: ((runner: BatchingRunner | undefined) => void)[] = [];
  /** Of processes that have ended. */
  #earlierDeaths = 0;
  /** Of `performance.now()`, like all that follow. */
  #loadSince = 0;
  #contendedAt = -Infinity;
  #restsUntil = 0;
  #ending: Promise<unknown> | undefined;
  #isClosed = false;
  #idleTimer: NodeJS.Timeout | undefined;

  /** @param start - starts the process of this index, whose device is ready once it has its graphs */
  constructor(options: SideOptions, start: (index: number) => StartedProcess) {
    this.#options = options;
    this.#times = { ...defaultTimes, ...options.times };
    this.#start = start;
    this.#graphs = new Set(options.graphs.map(keyOf));
  }

  /** Ids of those that run. */
  get pids(): readonly number[] {
    return this.#runners.flatMap(({ device }) => device.pid ?? []);
  }

  /** How often a process died. */
  get deaths(): number {
    return this.#earlierDeaths + deathsOf(this.#runners);
  }

  /**
   * Whether {@link run} should be tried: others are under way, and a process is there for the run's graph. Counts as a sign of load,
   * which starts the processes.
   *
   * @param isDeviceIdle - whether the device's own process is ready and has no run
   */
  isFor(request: RunRequest, isDeviceIdle: boolean): boolean {
    if (this.#isClosed || !this.#graphs.has(keyOf(request)) || Object.keys(request.keep ?? {}).length > 0) return false;
    if (isDeviceIdle && this.#busy.size === 0) return false;
    if (this.#isLoad()) this.#startAll();
    return this.#hasReady();
  }

  /** The result of a run; nothing when the device has to do it. Rejects as an `InferenceRunner` does. */
  async run(request: RunRequest): Promise<RunResult | undefined> {
    const running = this.#run(request);
    this.#accepted.add(running);
    try {
      return await running;
    } finally {
      this.#accepted.delete(running);
    }
  }

  async #run(request: RunRequest): Promise<RunResult | undefined> {
    const runner = await this.#claim();
    if (runner === undefined) return undefined;
    this.#idleTimer?.refresh();
    try {
      return await runner.run(request);
    } finally {
      this.#release(runner);
    }
  }

  /** @param finishMs - as of an `InferenceRunner` */
  async close(finishMs?: number): Promise<void> {
    this.#isClosed = true;
    const finished = Promise.allSettled(this.#accepted);
    await (finishMs === undefined ? finished : settledWithin(finished, finishMs));
    await Promise.all([this.#ending, this.#endAll(finishMs)]);
  }

  #isLoad(): boolean {
    const now = performance.now();
    if (now - this.#contendedAt > this.#times.pauseMs) this.#loadSince = now;
    this.#contendedAt = now;
    return now - this.#loadSince >= this.#times.loadMs;
  }

  #hasReady(): boolean {
    return this.#runners.some(({ device }) => device.ready);
  }

  #idleRunner(): BatchingRunner | undefined {
    return this.#runners.find((runner) => runner.device.ready && !this.#busy.has(runner));
  }

  async #claim(): Promise<BatchingRunner | undefined> {
    const idle = this.#idleRunner();
    if (idle !== undefined) {
      this.#busy.add(idle);
      return idle;
    }
    return await new Promise((resolve) => {
      const settle = (runner: BatchingRunner | undefined) => {
        clearTimeout(timer);
        resolve(runner);
      };
      const timer = setTimeout(() => {
        this.#waiting = this.#waiting.filter((other) => other !== settle);
        resolve(undefined);
      }, this.#times.longestWaitMs);
      this.#waiting.push(settle);
    });
  }

  #release(runner: BatchingRunner): void {
    this.#busy.delete(runner);
    if (deathsOf(this.#runners) >= mostDeaths) {
      this.#options.log.warn({}, 'side processes die again and again; going on without them');
      this.#rest();
      this.#ending = this.#endAll();
      return;
    }
    if (!this.#hasReady()) this.#leaveToDevice();
    const idle = this.#idleRunner();
    const next = idle === undefined ? undefined : this.#waiting.shift();
    if (idle === undefined || next === undefined) return;
    this.#busy.add(idle);
    next(idle);
  }

  #leaveToDevice(): void {
    for (const settle of this.#waiting.splice(0)) settle(undefined);
  }

  #rest(): void {
    this.#restsUntil = performance.now() + this.#times.restMs;
  }

  #startAll(): void {
    if (this.#runners.length > 0 || this.#ending !== undefined || performance.now() < this.#restsUntil) return;
    const { count, log } = this.#options;
    log.info({ processes: count }, 'many runs wait; starting side processes');
    const processes = Array.from({ length: count }, (_, index) => this.#start(index));
    this.#runners = processes.map(({ runner }) => runner);
    this.#idleTimer = setTimeout(() => {
      this.#endIfIdle();
    }, this.#times.idleMs).unref();
    for (const { runner, started } of processes) {
      started.then(
        () => this.#idleTimer?.refresh(),
        (error: unknown) => {
          this.#drop(runner, error);
        },
      );
    }
  }

  /** Goes on without a process that cannot start. */
  #drop(runner: BatchingRunner, error: unknown): void {
    if (!this.#runners.includes(runner)) return;
    this.#options.log.warn({ err: error }, 'a side process cannot start; going on without it');
    this.#rest();
    this.#runners = this.#runners.filter((other) => other !== runner);
    void runner.close();
    if (!this.#hasReady()) this.#leaveToDevice();
  }

  #endIfIdle(): void {
    if (this.#busy.size > 0 || this.#runners.some(({ device }) => !device.ready)) {
      this.#idleTimer?.refresh();
      return;
    }
    this.#options.log.info({}, 'side processes have nothing to do; ending them');
    this.#ending = this.#endAll();
  }

  /** Ends the processes once their runs are over; those that wait go to the device. */
  async #endAll(finishMs?: number): Promise<void> {
    clearTimeout(this.#idleTimer);
    const runners = this.#runners;
    this.#earlierDeaths += deathsOf(runners);
    this.#runners = [];
    this.#leaveToDevice();
    await Promise.all(runners.map((runner) => runner.close(finishMs)));
    this.#ending = undefined;
  }
}

function deathsOf(runners: readonly BatchingRunner[]): number {
  return runners.reduce((sum, { device }) => sum + device.restarts, 0);
}

function keyOf({ bundle, graph }: { readonly bundle: string; readonly graph: string }): string {
  return JSON.stringify([bundle, graph]);
}
