import { errorTable, TesseraError, type SerializedError } from '@tessera/contracts';

/** A dense tensor in host memory, row-major. The values of float16 are their bits: Node 20 has no array of them. */
export interface HostTensor {
  readonly type: 'float32' | 'float16' | 'uint8' | 'int64' | 'bool';
  readonly dims: readonly number[];
  readonly data: Float32Array | Uint16Array | Uint8Array | BigInt64Array;
}

/** An output that was kept in the inference process; see {@link RunRequest.keep}. */
export interface KeptTensor {
  readonly kept: string;
}

export interface RunRequest {
  /** Bundle name, as in its manifest. */
  readonly bundle: string;
  /** Graph name, as in the manifest's `graphs`. */
  readonly graph: string;
  /** Every input of the graph, by name. A kept tensor does not travel. */
  readonly feeds: Readonly<Record<string, HostTensor | KeptTensor>>;
  /** Outputs to bring back to this process; without it every output that is not kept. */
  readonly fetch?: readonly string[];
  /**
   * Outputs to keep in the inference process: output name → key under which later runs refer to it. Kept tensors are
   * dropped least recently used first when the process holds too many bytes, and all at once when it restarts. A later
   * run that takes several of them finds them together if one run kept them, or one that took the others.
   */
  readonly keep?: Readonly<Record<string, string>>;
  /** When it fires before the run has started, the run is dropped. */
  readonly signal?: AbortSignal | undefined;
  /** For whom the run is, for log lines about it. */
  readonly about?: readonly RunLabels[];
}

/** Fields by which the log names for whom a run is, such as a job's id. */
export type RunLabels = Readonly<Record<string, string>>;

/** A run as its process gets it, which may stand for several. */
export interface BatchRequest extends Omit<RunRequest, 'signal'> {
  /** As `keep`, with the rows of an output under several keys: so many for the first key, then for the second … */
  readonly keepRows?: Readonly<Record<string, readonly { readonly key: string; readonly rows: number }[]>>;
}

export interface RunResult {
  readonly outputs: Readonly<Record<string, HostTensor>>;
  /** Duration of the ONNX Runtime call alone, which runs of one batch share. */
  readonly runMs: number;
  /** The run that it was a part of. */
  readonly batch?: RunBatch;
}

/** One run of a process. */
export interface RunBatch {
  /** Id of the device. */
  readonly device: number;
  /** How many requested runs were put together in it. */
  readonly runs: number;
}

/** A feed named a kept tensor that the inference process no longer has: compute it again. */
export class TensorNotKeptError extends Error {
  override readonly name = 'TensorNotKeptError';
}

/**
 * The request does not fit the graph: a mistake of the caller that no further attempt corrects. The message says what
 * differs, for the log; clients get the title alone.
 */
export class InvalidRunError extends TesseraError {
  override readonly name = 'InvalidRunError';

  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super('TSR_RUN_INVALID', message, options);
  }

  override toJSON(): SerializedError {
    return { code: this.code, detail: `${errorTable[this.code].title}.`, fields: [] };
  }
}

/** The process of one device. */
export interface InferenceDevice {
  readonly id: number;
  /** The provider that is active, after any fallback: `cuda` or `cpu`. */
  readonly executionProvider: string;
  /** How often the process, or one beside it, had to be replaced. */
  readonly restarts: number;
  /** Whether it takes runs now. */
  readonly ready: boolean;
  /** Process id; undefined while there is none. */
  readonly pid?: number | undefined;
  /** Most rows that it puts together from the runs that wait. */
  readonly maxBatch: number;
  /** Ids of the further processes that take some of its runs under load, and that run now. */
  readonly sidePids?: readonly number[];
}

/** A run that is over, for measurements. */
export interface FinishedRun {
  readonly bundle: string;
  readonly graph: string;
  readonly device: number;
  /** How many requested runs were put together in it. */
  readonly runs: number;
  /** Duration of the ONNX Runtime call. */
  readonly runMs: number;
}

/** Runs graphs of loaded bundles outside of the caller's event loop, one at a time in each process. */
export interface InferenceRunner {
  readonly devices: readonly InferenceDevice[];
  /**
   * @throws InvalidRunError when the graph does not exist, or a feed differs from its input in name, type or shape
   * @throws TensorNotKeptError when a kept feed is gone
   * @throws TesseraError `TSR_INFERENCE_FAILED` when the run fails, exceeds its time, or the process dies
   * @throws the reason of the request's signal when the run was dropped
   */
  run(request: RunRequest): Promise<RunResult>;
  /** Whether every one of these kept tensors is still there; touches them. Does not wait for the runs that wait. */
  holds(keys: readonly string[]): Promise<boolean>;
  /**
   * Keeps a tensor as if a run had kept it under this key; while the process is down nothing is kept.
   *
   * @throws InvalidRunError when its data does not fit its type and shape, or it exceeds the memory for kept tensors
   */
  keep(key: string, tensor: HostTensor): Promise<void>;
  /** A copy of a kept tensor; nothing when it is gone, or has a type that does not travel. */
  readKept(key: string): Promise<HostTensor | undefined>;
  /**
   * Finishes the runs that were accepted, then ends the processes.
   *
   * @param finishMs - after which processes end whatever they do; without it they are waited for
   */
  close(finishMs?: number): Promise<void>;
}
