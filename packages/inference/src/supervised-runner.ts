import { TesseraError } from '@tessera/contracts';
import { settledWithin } from '@tessera/runtime';
import type { DeviceRunner } from './device-runners.js';
import { ProcessEndedError } from './inference-process.js';
import {
  InvalidRunError,
  TensorNotKeptError,
  type BatchRequest,
  type InferenceDevice,
  type RunResult,
} from './inference-runner.js';
import type { InferenceLog } from './log.js';
import { ProcessSupervisor } from './process-supervisor.js';
import type { LoadMessage, Reply } from './protocol.js';

interface RunnerOptions {
  readonly runTimeoutMs: number;
  readonly log: InferenceLog;
}

/** Hands runs to one supervised process, one after the other, and ends a process that takes too long. */
export class SupervisedRunner implements DeviceRunner {
  readonly #supervisor: ProcessSupervisor;
  readonly #deviceId: number;
  readonly #runTimeoutMs: number;
  readonly #log: InferenceLog;
  #pendingRuns = 0;
  /** Fulfils when every accepted run is over. */
  #idle: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor(load: Omit<LoadMessage, 'type'>, { runTimeoutMs, log }: RunnerOptions) {
    this.#supervisor = new ProcessSupervisor(load, log);
    this.#deviceId = load.deviceId;
    this.#runTimeoutMs = runTimeoutMs;
    this.#log = log;
  }

  get device(): InferenceDevice {
    const { executionProvider, restarts, current } = this.#supervisor;
    return { id: this.#deviceId, executionProvider, restarts, ready: current !== undefined, maxBatch: 1 };
  }

  /** Runs that were accepted and are not over. */
  get pendingRuns(): number {
    return this.#pendingRuns;
  }

  /**
   * Resolves when the process has loaded all graphs.
   *
   * @throws ProcessEndedError when its first start fails
   */
  async started(): Promise<void> {
    await this.#supervisor.process();
  }

  async run(request: BatchRequest): Promise<RunResult> {
    if (this.#closed !== undefined) throw runFailure('The inference process is closed.');
    this.#pendingRuns += 1;
    const result = this.#idle
      .then(() => this.#runNow(request))
      .finally(() => {
        this.#pendingRuns -= 1;
      });
    this.#idle = result.catch(() => undefined);
    return await result;
  }

  async holds(keys: readonly string[]): Promise<boolean> {
    try {
      const reply = await this.#supervisor.current?.ask({ type: 'holds', keys });
      return reply?.type === 'held' && reply.held;
    } catch (error) {
      // Kept tensors end with their process.
      if (error instanceof ProcessEndedError) return false;
      throw error;
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await settledWithin(this.#idle, this.#runTimeoutMs);
    await this.#supervisor.stop();
  }

  async #runNow(request: BatchRequest): Promise<RunResult> {
    const inferenceProcess = await this.#supervisor.process().catch((cause: unknown) => {
      throw runFailure('The inference process is not running.', cause);
    });
    const watchdog = setTimeout(() => {
      inferenceProcess.kill(`a run took longer than ${this.#runTimeoutMs} ms`);
    }, this.#runTimeoutMs);
    try {
      const reply = await inferenceProcess.ask({ type: 'run', request });
      this.#supervisor.noteSuccess();
      return this.#resultOf(reply, request);
    } catch (error) {
      if (error instanceof ProcessEndedError) {
        throw runFailure(`The inference process ended during the model run: ${error.message}.`, error);
      }
      throw error;
    } finally {
      clearTimeout(watchdog);
    }
  }

  #resultOf(reply: Reply, { bundle, graph }: BatchRequest): RunResult {
    if (reply.type === 'result') return reply.result;
    if (reply.type === 'held') throw runFailure('The inference process gave a wrong reply.');
    if (reply.reason === 'invalid') throw new InvalidRunError(reply.message);
    if (reply.reason === 'not-kept') throw new TensorNotKeptError(reply.message);
    this.#log.error({ bundle, graph, reason: reply.message }, 'model run failed');
    throw runFailure('The model run failed.', new Error(reply.message));
  }
}

function runFailure(detail: string, cause?: unknown): TesseraError {
  return new TesseraError('TSR_INFERENCE_FAILED', detail, { cause });
}
