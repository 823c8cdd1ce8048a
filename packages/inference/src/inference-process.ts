import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { settledWithin } from '@tessera/runtime';
import { InvalidRunError } from './inference-runner.js';
import type { InferenceLog } from './log.js';
import type { LoadMessage, MessageFromChild, MessageToChild, Question, Reply } from './protocol.js';

const START_TIMEOUT_MS = 120_000;
const END_GRACE_MS = 2_000;
/**
 * glibc raises the size from which it maps blocks to the largest that was freed, up to 32 MiB. Images and embeddings of
 * varied sizes then share its heap with what lives long, and the holes between them stay resident. A fixed size keeps
 * large blocks out of the heap: they go back to the system when they are freed.
 */
const MAPPED_FROM_BYTES = 1024 * 1024;

interface Waiter<Value> {
  readonly resolve: (value: Value) => void;
  readonly reject: (error: Error) => void;
}

/** The inference process is gone: it died, was killed, or could not start. */
export class ProcessEndedError extends Error {
  override readonly name = 'ProcessEndedError';
}

interface StartOptions {
  readonly load: Omit<LoadMessage, 'type'>;
  readonly log: InferenceLog;
  /** Ends the attempt to start. */
  readonly signal: AbortSignal;
  /** Called once, as soon as a process that was ready ends or is killed, before its questions are rejected. */
  readonly onEnd: (reason: string) => void;
}

/** One forked inference process, from its start to its death. */
export class InferenceProcess {
  readonly #child: ChildProcess;
  readonly #options: StartOptions;
  readonly #exited: Promise<unknown>;
  readonly #replies = new Map<number, Waiter<Reply>>();
  /** Waits for the name of the execution provider; only there while the process starts. */
  #start: Waiter<string> | undefined;
  #ended: string | undefined;
  #nextId = 1;

  private constructor(child: ChildProcess, options: StartOptions) {
    this.#child = child;
    this.#options = options;
    this.#exited = once(child, 'exit').catch(() => undefined);
    child.on('exit', (code, signal) => {
      this.#end(signal === null ? `it exited with code ${code ?? 'unknown'}` : `it was killed by ${signal}`);
    });
    child.on('error', (error) => {
      this.kill(error.message);
    });
    child.on('message', (message) => {
      this.#receive(message as MessageFromChild);
    });
  }

  /**
   * Forks the process and waits until it has loaded all graphs.
   *
   * @throws ProcessEndedError with the reason when it cannot
   */
  static async start(options: StartOptions): Promise<{ process: InferenceProcess; executionProvider: string }> {
    options.signal.throwIfAborted();
    const child = fork(new URL('./inference-child.js', import.meta.url), [], {
      serialization: 'advanced',
      execArgv: [],
      env: { MALLOC_MMAP_THRESHOLD_: String(MAPPED_FROM_BYTES), ...process.env },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const inferenceProcess = new InferenceProcess(child, options);
    const executionProvider = await inferenceProcess.#load();
    return { process: inferenceProcess, executionProvider };
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /**
   * @throws ProcessEndedError when the process is gone before it replies
   * @throws InvalidRunError when the question cannot be serialised
   */
  async ask(question: Question): Promise<Reply> {
    if (this.#ended !== undefined) throw new ProcessEndedError(this.#ended);
    const id = this.#nextId++;
    try {
      this.#send({ ...question, id });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new InvalidRunError(`The request cannot be sent to the inference process: ${reason}`, { cause });
    }
    return await new Promise<Reply>((resolve, reject) => {
      this.#replies.set(id, { resolve, reject });
    });
  }

  /** Ends the process at once, whatever it does. Questions reject with the reason. */
  kill(reason: string): void {
    if (this.#ended !== undefined) return;
    this.#end(reason);
    this.#child.kill('SIGKILL');
  }

  /** Resolves when the process is gone, or after `limitMs`. */
  async exited(limitMs: number): Promise<void> {
    await settledWithin(this.#exited, limitMs);
  }

  /** Lets an idle process end by itself; kills it when it takes longer than a moment. */
  async end(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    await this.exited(END_GRACE_MS);
    this.kill('it was closed');
    await this.exited(END_GRACE_MS);
  }

  async #load(): Promise<string> {
    const { load, signal } = this.#options;
    const onAbort = () => {
      this.kill('it was closed while it started');
    };
    const timer = setTimeout(() => {
      this.kill(`it was not ready within ${START_TIMEOUT_MS} ms`);
    }, START_TIMEOUT_MS);
    signal.addEventListener('abort', onAbort);
    try {
      return await new Promise<string>((resolve, reject) => {
        this.#start = { resolve, reject };
        this.#send({ type: 'load', ...load });
      });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
  }

  #send(message: MessageToChild): void {
    // A write that fails means that the process is going; its exit rejects the question.
    this.#child.send(message, () => undefined);
  }

  #receive(message: MessageFromChild): void {
    switch (message.type) {
      case 'provider-rejected':
        this.#options.log.warn(
          { executionProvider: message.executionProvider, reason: message.message },
          'execution provider does not work here; trying the next one',
        );
        break;
      case 'unloadable':
        this.kill(message.message);
        break;
      case 'ready':
        this.#start?.resolve(message.executionProvider);
        this.#start = undefined;
        break;
      case 'result':
      case 'held':
      case 'tensor':
      case 'failure':
        this.#replies.get(message.id)?.resolve(message);
        this.#replies.delete(message.id);
        break;
    }
  }

  #end(reason: string): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    if (this.#start === undefined) this.#options.onEnd(reason);
    for (const { reject } of [this.#start, ...this.#replies.values()].filter((waiter) => waiter !== undefined)) {
      reject(new ProcessEndedError(reason));
    }
    this.#start = undefined;
    this.#replies.clear();
  }
}
