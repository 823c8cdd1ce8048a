import type { GraphContract } from '@tessera/contracts';
import type { BatchRequest, HostTensor, RunResult } from './inference-runner.js';

/** A file with a graph. */
export interface GraphFile {
  readonly path: string;
  /** Of the file and its external weights: equal graphs are one session. */
  readonly hash: string;
  readonly contract: GraphContract;
}

/** A graph of a bundle, as the child loads it. */
export interface BundleGraph extends GraphFile {
  readonly bundle: string;
  readonly graph: string;
  /** Whether side processes have it. */
  readonly sideBySide?: boolean;
  /** In its place on CUDA. */
  readonly cuda?: GraphFile;
}

export interface LoadMessage {
  readonly type: 'load';
  readonly graphs: readonly BundleGraph[];
  /** In order of preference. */
  readonly executionProviders: readonly string[];
  /** CUDA's number of the device. */
  readonly deviceId: number;
  readonly threads: number | undefined;
  readonly keepBytes: number;
}

/** What the supervisor asks of the child and gets exactly one {@link Reply} for. */
export type Question =
  | { readonly type: 'run'; readonly request: BatchRequest }
  | { readonly type: 'holds'; readonly keys: readonly string[] }
  | { readonly type: 'keep'; readonly key: string; readonly tensor: HostTensor }
  | { readonly type: 'read'; readonly key: string };

/** A question on its way; its reply has the same id. */
export type NumberedQuestion = Question & { readonly id: number };

export type MessageToChild = LoadMessage | NumberedQuestion;

/** `invalid`: the request does not fit the graph. `not-kept`: a kept feed is gone. `failed`: ONNX Runtime failed. */
export type FailureReason = 'invalid' | 'not-kept' | 'failed';

export type Reply =
  | { readonly type: 'result'; readonly id: number; readonly result: RunResult }
  /** Of `holds`; of `keep` always true. */
  | { readonly type: 'held'; readonly id: number; readonly held: boolean }
  /** Of `read`. */
  | { readonly type: 'tensor'; readonly id: number; readonly tensor: HostTensor | undefined }
  | { readonly type: 'failure'; readonly id: number; readonly reason: FailureReason; readonly message: string };

export type MessageFromChild =
  | Reply
  | { readonly type: 'provider-rejected'; readonly executionProvider: string; readonly message: string }
  | { readonly type: 'ready'; readonly executionProvider: string }
  | { readonly type: 'unloadable'; readonly message: string };
