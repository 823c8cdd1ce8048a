import type { JobResponse, ProblemDetails, Progress } from '@tessera/contracts';
import { readEvents } from './event-stream.js';
import { mayPass, pause } from './retries.js';
import { ConnectionError } from './service-error.js';

/** An update of a job. */
export type JobUpdate =
  | { readonly event: 'status'; readonly data: JobResponse }
  | { readonly event: 'progress'; readonly data: Progress }
  | { readonly event: 'result'; readonly data: unknown }
  | { readonly event: 'error'; readonly data: ProblemDetails };

export interface JobUpdatesOptions {
  /** Ends following, with its reason; the job goes on. */
  readonly signal?: AbortSignal | undefined;
  /** Before a lost connection is opened again. */
  readonly reconnectMs?: number;
}

/** Connections in a row that bring nothing new before the service counts as lost. */
const fruitlessConnections = 30;

/**
 * The updates of a job until its end. A connection that is lost is opened again, from the last event on.
 *
 * @param connect - opens the stream of events after the one with this id; null when there are none left
 * @throws ConnectionError when the service stays away; what `connect` throws for an unknown job
 */
export async function* jobUpdates(
  connect: (lastEventId: string) => Promise<AsyncIterable<string> | null>,
  { signal, reconnectMs = 1_000 }: JobUpdatesOptions = {},
): AsyncGenerator<JobUpdate> {
  let lastId = '';
  for (let fruitless = 0; fruitless < fruitlessConnections; fruitless++) {
    try {
      if (fruitless > 0) await pause(reconnectMs, signal);
      const text = await connect(lastId);
      if (text === null) return;
      for await (const { event, lastId: id, data } of readEvents(text)) {
        if (id !== '') lastId = id;
        fruitless = 0;
        const update = { event, data: JSON.parse(data) as unknown } as JobUpdate;
        yield update;
        if (event === 'result' || event === 'error') return;
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (!isLostConnection(error)) throw error;
    }
  }
  throw new ConnectionError('The connection to the service was lost and does not come back.');
}

/** `fetch` reports network failures, also those while a body is read, as a TypeError. */
function isLostConnection(error: unknown): boolean {
  return ConnectionError.isInstance(error) || mayPass(error) || error instanceof TypeError;
}
