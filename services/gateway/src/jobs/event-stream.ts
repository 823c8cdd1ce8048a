import { settledWithin } from '@tessera/runtime';
import type { JobEvent } from './job-events.js';

/** Proxies close connections that are silent for long. */
const heartbeatMs = 15_000;
/** Pause before a client that lost its connection connects again. */
const reconnectMs = 1_000;

const heartbeat = ': heartbeat\n\n';

/** The text of an event stream (WHATWG HTML, section 9.2), with a comment after every long pause without events. */
export async function* eventStream(
  batches: AsyncIterable<readonly JobEvent[]>,
  pauseMs: number = heartbeatMs,
): AsyncGenerator<string, void, undefined> {
  yield `retry: ${reconnectMs}\n\n`;
  const iterator = batches[Symbol.asyncIterator]();
  let next = iterator.next();
  for (;;) {
    const batch = await settledWithin(next, pauseMs);
    if (batch === undefined) {
      yield heartbeat;
      continue;
    }
    if (batch.done === true) return;
    for (const event of batch.value) yield encodeEvent(event);
    next = iterator.next();
  }
}

/** JSON has no line breaks, so that one line of data is enough. */
function encodeEvent({ event, id, data }: JobEvent): string {
  return `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
}
