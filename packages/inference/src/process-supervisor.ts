import { setTimeout as sleep } from 'node:timers/promises';
import { InferenceProcess, ProcessEndedError } from './inference-process.js';
import type { InferenceLog } from './log.js';
import type { LoadMessage } from './protocol.js';

const RESTART_DELAY_MIN_MS = 100;
const RESTART_DELAY_MAX_MS = 10_000;
const EXIT_WAIT_MS = 5_000;

/** Keeps one inference process alive: starts another one whenever it ends, later and later if that does not help. */
export class ProcessSupervisor {
  readonly #load: Omit<LoadMessage, 'type'>;
  readonly #log: InferenceLog;
  #patienceMs: number;
  readonly #stopping = new AbortController();
  /** The process that questions go to: running already, or being started. */
  #next: Promise<InferenceProcess>;
  #current: InferenceProcess | undefined;
  /** Why the latest start failed; cleared by the next one that succeeds. */
  #startFailure: string | undefined;
  /** Of `performance.now()`: since when no process has been ready. */
  #downSince: number | undefined;
  #executionProvider = '';
  #restarts = 0;
  /** Ends and failed starts since {@link noteSuccess}. */
  #failuresInARow = 0;

  /** @param patienceMs - how long the process may be down before questions to it fail at once */
  constructor(load: Omit<LoadMessage, 'type'>, log: InferenceLog, patienceMs: number) {
    this.#load = load;
    this.#log = log;
    this.#patienceMs = patienceMs;
    this.#next = this.#launch();
  }

  /** Execution provider of the latest process. */
  get executionProvider(): string {
    return this.#executionProvider;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** The process, if one is ready. */
  get current(): InferenceProcess | undefined {
    return this.#current;
  }

  /**
   * The process, once it is ready. Starts that fail are waited out while it has been down for less than the patience: a job
   * has few attempts, and an outage of seconds must not use them up.
   *
   * @throws ProcessEndedError when the first start fails, when starts still fail after the patience, and after {@link stop}
   */
  async process(): Promise<InferenceProcess> {
    for (;;) {
      if (this.#stopping.signal.aborted) throw new ProcessEndedError('it was closed');
      const downMs = performance.now() - (this.#downSince ?? Infinity);
      if (this.#startFailure !== undefined && downMs > this.#patienceMs)
        throw new ProcessEndedError(this.#startFailure);
      const next = this.#next;
      try {
        return await next;
      } catch (error) {
        // Another start has taken the place of a failed one, but for the first.
        if (next === this.#next) throw error;
      }
    }
  }

  /** The process did its work: its next end is an accident, not one of a series. */
  noteSuccess(): void {
    this.#failuresInARow = 0;
  }

  /** From now on a start that fails is waited out no more. */
  endPatience(): void {
    this.#patienceMs = 0;
  }

  /** Ends the process, or the attempt to start one, and starts no other. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#current?.end();
    await this.#next.catch(() => undefined);
  }

  async #launch(): Promise<InferenceProcess> {
    const start = performance.now();
    const { process, executionProvider } = await InferenceProcess.start({
      load: this.#load,
      log: this.#log,
      signal: this.#stopping.signal,
      onEnd: (reason) => {
        this.#replace(reason, process);
      },
    });
    this.#current = process;
    this.#executionProvider = executionProvider;
    this.#startFailure = undefined;
    this.#downSince = undefined;
    const startMs = Math.round(performance.now() - start);
    this.#log.info({ inferencePid: process.pid, executionProvider, startMs }, 'inference process is ready');
    return process;
  }

  #replace(reason: string, ended: InferenceProcess): void {
    this.#current = undefined;
    this.#downSince = performance.now();
    if (this.#stopping.signal.aborted) return;
    this.#restarts += 1;
    this.#log.warn(
      { inferencePid: ended.pid, reason, restarts: this.#restarts },
      'inference process ended; starting another',
    );
    this.#next = this.#relaunch(ended);
  }

  #relaunch(ended?: InferenceProcess): Promise<InferenceProcess> {
    const attempt = this.#launchAfterDelay(ended);
    attempt.catch((error: unknown) => {
      if (this.#stopping.signal.aborted) return;
      this.#startFailure = error instanceof Error ? error.message : String(error);
      this.#log.error({ reason: this.#startFailure }, 'inference process cannot start; trying again');
      this.#next = this.#relaunch();
    });
    return attempt;
  }

  async #launchAfterDelay(ended: InferenceProcess | undefined): Promise<InferenceProcess> {
    // Two processes at once could need twice the memory.
    await ended?.exited(EXIT_WAIT_MS);
    const delayMs = Math.min(RESTART_DELAY_MAX_MS, RESTART_DELAY_MIN_MS * 2 ** this.#failuresInARow);
    this.#failuresInARow += 1;
    await sleep(delayMs, undefined, { signal: this.#stopping.signal });
    return await this.#launch();
  }
}
