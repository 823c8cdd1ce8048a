import { TesseraError } from '@tessera/contracts';
import { answeredWithin } from '@tessera/runtime';
import { ProcessEndedError } from './inference-process.js';
import {
  InvalidRunError,
  TensorNotKeptError,
  type BatchRequest,
  type HostTensor,
  type InferenceDevice,
  type RunResult,
} from './inference-runner.js';
import type { InferenceLog } from './log.js';
import { ProcessSupervisor } from './process-supervisor.js';
import type { LoadMessage, Question, Reply } from './protocol.js';

interface RunnerOptions {
  readonly runTimeoutMs: number;
  readonly log: InferenceLog;
}

/** Runs graphs in one supervised process, one run at a time, and ends a process that takes too long. */
export class SupervisedRunner {
  readonly #supervisor: ProcessSupervisor;
  readonly #deviceId: number;
  readonly #runTimeoutMs: number;
  readonly #log: InferenceLog;

  constructor(load: Omit<LoadMessage, 'type'>, { runTimeoutMs, log }: RunnerOptions) {
    this.#supervisor = new ProcessSupervisor(load, log, runTimeoutMs);
    this.#deviceId = load.deviceId;
    this.#runTimeoutMs = runTimeoutMs;
    this.#log = log;
  }

  get device(): InferenceDevice {
    const { executionProvider, restarts, current } = this.#supervisor;
    const ready = current !== undefined;
    return { id: this.#deviceId, executionProvider, restarts, ready, pid: current?.pid, maxBatch: 1 };
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
    const inferenceProcess = await this.#supervisor.process().catch((cause: unknown) => {
      throw runFailure('The inference process is not running.', cause);
    });
    const timeoutMs = this.#runTimeoutMs;
    const endProcess = () => {
      const reason = `a run took longer than ${timeoutMs} ms`;
      inferenceProcess.kill(reason);
      return new ProcessEndedError(reason);
    };
    try {
      const reply = await answeredWithin(inferenceProcess.ask({ type: 'run', request }), timeoutMs, endProcess);
      this.#supervisor.noteSuccess();
      return this.#resultOf(reply, request);
    } catch (error) {
      if (error instanceof ProcessEndedError) {
        throw runFailure(`The inference process ended during the model run: ${error.message}. ${afterDeath}`, error);
      }
      throw error;
    }
  }

  async holds(keys: readonly string[]): Promise<boolean> {
    const reply = await this.#askOfKept({ type: 'holds', keys });
    return reply?.type === 'held' && reply.held;
  }

  async keep(key: string, tensor: HostTensor): Promise<void> {
    const reply = await this.#askOfKept({ type: 'keep', key, tensor });
    if (reply?.type === 'failure') throw new InvalidRunError(reply.message);
  }

  async readKept(key: string): Promise<HostTensor | undefined> {
    const reply = await this.#askOfKept({ type: 'read', key });
    return reply?.type === 'tensor' ? reply.tensor : undefined;
  }

  /** Runs that were accepted do not wait for a process that cannot start: {@link close} comes next. */
  prepareClose(): void {
    this.#supervisor.endPatience();
  }

  close(): Promise<void> {
    return this.#supervisor.stop();
  }

  /** The reply; nothing when there is no process, with which kept tensors end. */
  async #askOfKept(question: Question): Promise<Reply | undefined> {
    try {
      return await this.#supervisor.current?.ask(question);
    } catch (error) {
      if (error instanceof ProcessEndedError) return undefined;
      throw error;
    }
  }

  #resultOf(reply: Reply, { bundle, graph, about }: BatchRequest): RunResult {
    if (reply.type === 'result') return reply.result;
    if (reply.type !== 'failure') throw runFailure('The inference process gave a wrong reply.');
    if (reply.reason === 'invalid') throw new InvalidRunError(reply.message);
    if (reply.reason === 'not-kept') throw new TensorNotKeptError(reply.message);
    this.#log.error({ bundle, graph, about, reason: reply.message }, 'model run failed');
    throw runFailure('The model run failed.', new Error(reply.message));
  }
}

/** For the client, and for whoever runs the service. */
const afterDeath =
  'Send the request again later. If it fails again, the operator should look at the log of the worker and at its memory: a process that the system kills has mostly run out of it.';

/** A run failed for a reason that the next one may not have. */
export function runFailure(detail: string, cause?: unknown): TesseraError {
  return new TesseraError('TSR_INFERENCE_FAILED', detail, { cause });
}
