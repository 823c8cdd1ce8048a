import type { GraphContract } from '@tessera/contracts';
import { env, InferenceSession } from 'onnxruntime-node';
import { assertContract, graphOn } from './graph-contract.js';
import type { BundleGraph, GraphFile } from './protocol.js';

// Errors are thrown as well, and the supervisor logs them.
env.logLevel = 'fatal';

// Where Node has Float16Array, ONNX Runtime makes its tensors of it and then cannot read them; otherwise of Uint16Array.
Reflect.deleteProperty(globalThis, 'Float16Array');

/** A graph that is ready to run. */
export interface LoadedGraph {
  /** For messages: bundle and graph by name. */
  readonly label: string;
  readonly session: InferenceSession;
  readonly contract: GraphContract;
}

export interface LoadedGraphs {
  readonly executionProvider: string;
  find(bundle: string, graph: string): LoadedGraph | undefined;
}

interface SessionOptions {
  /** In order of preference. */
  readonly executionProviders: readonly string[];
  readonly deviceId: number;
  readonly threads: number | undefined;
  /** Called for every execution provider that did not work, when there is another one to try. */
  readonly onProviderRejected: (executionProvider: string, message: string) => void;
}

/**
 * Loads all graphs, equal files once, on the first execution provider that takes every one of them. ONNX Runtime lists providers whose
 * libraries are missing and does not fall back by itself, so trying is the only way to know.
 *
 * @throws Error with the reason of the last provider when none works
 */
export async function loadGraphs(bundleGraphs: readonly BundleGraph[], options: SessionOptions): Promise<LoadedGraphs> {
  const [executionProvider, ...others] = options.executionProviders;
  if (executionProvider === undefined) throw new Error('No execution provider is configured.');
  try {
    const graphs = await loadOn(executionProvider, bundleGraphs, options);
    return { executionProvider, find: (bundle, graph) => graphs.get(graphKey(bundle, graph)) };
  } catch (error) {
    if (others.length === 0) throw error;
    options.onProviderRejected(executionProvider, error instanceof Error ? error.message : String(error));
    return await loadGraphs(bundleGraphs, { ...options, executionProviders: others });
  }
}

async function loadOn(
  executionProvider: string,
  bundleGraphs: readonly BundleGraph[],
  options: SessionOptions,
): Promise<Map<string, LoadedGraph>> {
  const graphs = new Map<string, LoadedGraph>();
  const sessions = new Map<string, InferenceSession>();
  try {
    for (const bundleGraph of bundleGraphs) {
      const label = labelOf(bundleGraph);
      const { path, hash, contract } = graphOn(executionProvider, bundleGraph);
      const session = sessions.get(hash) ?? (await createSession(executionProvider, { path, label }, options));
      sessions.set(hash, session);
      assertContract(label, contract, session);
      graphs.set(graphKey(bundleGraph.bundle, bundleGraph.graph), { label, session, contract });
    }
    return graphs;
  } catch (error) {
    await Promise.all([...sessions.values()].map((session) => session.release()));
    throw error;
  }
}

async function createSession(
  executionProvider: string,
  { path, label }: Pick<GraphFile, 'path'> & Pick<LoadedGraph, 'label'>,
  { deviceId, threads }: SessionOptions,
): Promise<InferenceSession> {
  return await InferenceSession.create(path, {
    executionProviders: [executionProvider === 'cuda' ? { name: 'cuda', deviceId } : executionProvider],
    graphOptimizationLevel: 'all',
    // Its second run of a size would reserve one more block as large as all memory of the first.
    enableMemPattern: false,
    // Threads that wait longer for their next part sleep: by default they spin for a millisecond, twice the work of a run.
    extra: { session: { intra_op: { spin_duration_us: '20' } } },
    logSeverityLevel: 4,
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
  }).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${label} cannot be loaded on ${executionProvider}: ${reason}`, { cause });
  });
}

function labelOf({ bundle, graph }: BundleGraph): string {
  return `graph "${graph}" of bundle "${bundle}"`;
}

function graphKey(bundle: string, graph: string): string {
  return JSON.stringify([bundle, graph]);
}
