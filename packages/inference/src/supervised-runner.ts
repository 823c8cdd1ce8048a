import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TesseraError } from '@tessera/contracts';
import type { Bundle } from './bundle.js';
import { ProcessEndedError } from './inference-process.js';
import {
  InvalidRunError,
  TensorNotKeptError,
  type InferenceRunner,
  type RunRequest,
  type RunResult,
} from './inference-runner.js';
import { isInstalled } from './is-installed.js';
import type { InferenceLog } from './log.js';
import { ProcessSupervisor } from './process-supervisor.js';
import type { GraphFile, Reply } from './protocol.js';

const KEEP_BYTES_DEFAULT = 512 * 1024 * 1024;

export interface InferenceRunnerOptions {
  readonly bundles: readonly Bundle[];
  /**
   * In order of preference; the first one on which every graph loads is used. `['cuda']` alone means no fallback: a
   * machine without CUDA is then an error.
   */
  readonly executionProviders: readonly ('cuda' | 'cpu')[];
  /** Threads of one run on the CPU; otherwise one per core. */
  readonly threads?: number | undefined;
  /** A run that takes longer is ended, and the process with it. */
  readonly runTimeoutMs: number;
  /** Memory for kept tensors; 512 MiB unless told otherwise. */
  readonly keepBytes?: number;
  readonly log: InferenceLog;
}

/** The inference process could not be started for the first time; the message says why. */
export class InferenceStartError extends Error {
  override readonly name = 'InferenceStartError';
}

/**
 * Starts the inference process and loads every graph of the bundles. From then on the process is replaced whenever
 * it ends. Nothing is warmed up.
 *
 * @throws InferenceStartError when a graph cannot be loaded on any of the execution providers, or ONNX Runtime is not
 * installed
 */
export async function startInferenceRunner(options: InferenceRunnerOptions): Promise<InferenceRunner> {
  if (!isInstalled('onnxruntime-node')) {
    throw new InferenceStartError(
      'onnxruntime-node, which runs the models, is not installed. It is an optional dependency: run "npm ci" again ' +
        'without --omit=optional.',
    );
  }
  const supervisor = new ProcessSupervisor(
    {
      graphs: options.bundles.flatMap(graphFiles),
      executionProviders: options.executionProviders,
      threads: options.threads,
      keepBytes: options.keepBytes ?? KEEP_BYTES_DEFAULT,
    },
    options.log,
  );
  await supervisor.process().catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new InferenceStartError(`The inference process cannot start: ${reason}`, { cause });
  });
  return new SupervisedRunner(supervisor, options);
}

function graphFiles({ directory, manifest }: Bundle): GraphFile[] {
  return Object.entries(manifest.graphs).map(([graph, { file, ...contract }]) => ({
    bundle: manifest.name,
    graph,
    path: path.join(directory, file),
    sha256: manifest.files[file]?.sha256 ?? `${directory}/${file}`,
    contract,
  }));
}

/** Hands runs to the supervised process one after the other, and ends a process that takes too long. */
class SupervisedRunner implements InferenceRunner {
  readonly #supervisor: ProcessSupervisor;
  readonly #runTimeoutMs: number;
  readonly #log: InferenceLog;
  /** Fulfils when every accepted run is over. */
  #idle: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor(supervisor: ProcessSupervisor, options: Pick<InferenceRunnerOptions, 'runTimeoutMs' | 'log'>) {
    this.#supervisor = supervisor;
    this.#runTimeoutMs = options.runTimeoutMs;
    this.#log = options.log;
  }

  get executionProvider(): string {
    return this.#supervisor.executionProvider;
  }

  get restarts(): number {
    return this.#supervisor.restarts;
  }

  async run(request: RunRequest): Promise<RunResult> {
    if (this.#closed !== undefined) throw runFailure('The inference process is closed.');
    const result = this.#idle.then(() => this.#runNow(request));
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
    await Promise.race([this.#idle, sleep(this.#runTimeoutMs, undefined, { ref: false })]);
    await this.#supervisor.stop();
  }

  async #runNow(request: RunRequest): Promise<RunResult> {
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

  #resultOf(reply: Reply, { bundle, graph }: RunRequest): RunResult {
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
