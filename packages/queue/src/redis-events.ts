import { setTimeout as delay } from 'node:timers/promises';
import type { QueueEvents } from 'bullmq';
import type { JobListener } from './queue-backend.js';

const restartDelayMs = 500;

const otherEnds = ['failed', 'withdrawn'] as const;
const moves = ['active', 'progress', 'waiting'] as const;

/** BullMQ's events, and one that this package adds: `withdrawn`. */
interface JobEvents extends Pick<QueueEvents, 'close' | 'run'> {
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'completed', listener: (event: { jobId: string; returnvalue: unknown }) => void): unknown;
  on(event: (typeof otherEnds)[number] | (typeof moves)[number], listener: (event: { jobId: string }) => void): unknown;
}

/** The stream of a queue's events in Redis, read until closed, also after Redis was away. */
export class RedisEvents {
  readonly #events: JobEvents;
  readonly #onError: (error: Error) => void;
  readonly #closing = new AbortController();

  constructor(events: JobEvents, listener: JobListener, onError: (error: Error) => void) {
    this.#events = events;
    this.#onError = onError;
    events.on('completed', ({ jobId, returnvalue }) => {
      listener.finished(jobId, typeof returnvalue === 'string' ? returnvalue : null);
    });
    for (const event of otherEnds) {
      events.on(event, ({ jobId }) => {
        listener.finished(jobId, null);
      });
    }
    for (const event of moves) {
      events.on(event, ({ jobId }) => {
        listener.moved(jobId);
      });
    }
    events.on('error', onError);
    void this.#keepRunning();
  }

  close(): Promise<void> {
    this.#closing.abort();
    return this.#events.close();
  }

  async #keepRunning(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      try {
        await this.#events.run();
      } catch (error) {
        this.#onError(error as Error);
      }
      await delay(restartDelayMs, undefined, { signal: this.#closing.signal }).catch(() => undefined);
    }
  }
}
