// Entry of the inference process: the supervisor forks it and ends it. A run blocks its event loop, which is why
// it is a process of its own.
import { Worker } from 'node:worker_threads';
import { loadGraphs, type LoadedGraphs } from './graph-sessions.js';
import { InvalidRunError, TensorNotKeptError, type BatchRequest, type RunResult } from './inference-runner.js';
import { KeptTensors } from './kept-tensors.js';
import type {
  FailureReason,
  LoadMessage,
  MessageFromChild,
  MessageToChild,
  NumberedQuestion,
  Reply,
} from './protocol.js';
import { keepTensor, readTensor, runGraph } from './run-graph.js';

interface Loaded {
  readonly graphs: LoadedGraphs;
  readonly kept: KeptTensors;
}

let loaded: Loaded | undefined;

// Ctrl-C in a terminal reaches every process of the group; the supervisor decides when this one ends.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);

process.on('disconnect', () => process.exit(0));
new Worker(new URL('./orphan-guard.js', import.meta.url), { workerData: process.ppid }).unref();

process.on('message', (message: MessageToChild) => {
  void (message.type === 'load' ? load(message) : answer(message));
});

async function load(message: LoadMessage): Promise<void> {
  try {
    const graphs = await loadGraphs(message.graphs, {
      executionProviders: message.executionProviders,
      deviceId: message.deviceId,
      threads: message.threads,
      onProviderRejected: (executionProvider, reason) => {
        send({ type: 'provider-rejected', executionProvider, message: reason });
      },
    });
    loaded = { graphs, kept: new KeptTensors(message.keepBytes) };
    send({ type: 'ready', executionProvider: graphs.executionProvider });
  } catch (error) {
    send({ type: 'unloadable', message: messageOf(error) });
  }
}

async function answer(question: NumberedQuestion): Promise<void> {
  try {
    send(await replyTo(question));
  } catch (error) {
    send({ type: 'failure', id: question.id, reason: reasonOf(error), message: messageOf(error) });
  }
}

async function replyTo(question: NumberedQuestion): Promise<Reply> {
  if (loaded === undefined) throw new Error('No graphs are loaded yet.');
  if (question.type === 'holds') {
    return { type: 'held', id: question.id, held: loaded.kept.holds(question.keys) };
  }
  if (question.type === 'keep') {
    keepTensor(question.key, question.tensor, loaded.kept);
    return { type: 'held', id: question.id, held: true };
  }
  if (question.type === 'read') {
    return { type: 'tensor', id: question.id, tensor: readTensor(question.key, loaded.kept) };
  }
  return { type: 'result', id: question.id, result: await run(loaded, question.request) };
}

async function run({ graphs, kept }: Loaded, { bundle, graph: name, ...request }: BatchRequest): Promise<RunResult> {
  const graph = graphs.find(bundle, name);
  if (graph === undefined) throw new InvalidRunError(`There is no graph "${name}" of a bundle "${bundle}"`);
  return await runGraph(graph, request, kept);
}

function send(message: MessageFromChild): void {
  // Once the supervisor is gone, "disconnect" ends this process.
  process.send?.(message, undefined, undefined, () => undefined);
}

function reasonOf(error: unknown): FailureReason {
  if (error instanceof InvalidRunError) return 'invalid';
  return error instanceof TensorNotKeptError ? 'not-kept' : 'failed';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
