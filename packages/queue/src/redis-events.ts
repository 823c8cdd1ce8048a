import { setTimeout as delay } from 'node:timers/promises';
import type { QueueEvents } from 'bullmq';
import type { FinishListener } from './queue-backend.js';

const restartDelayMs = 500;

/** BullMQ's events, and one of our own. */
interface FinishEvents extends Pick<QueueEvents, 'close' | 'run'> {
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'completed' | 'failed' | 'withdrawn', listener: (event: { jobId: string }) => void): unknown;
}

/** The stream of a queue's events in Redis, read until closed, also after Redis was away. */
export class RedisEvents {
  readonly #events: FinishEvents;
  readonly #onError: (error: Error) => void;
  readonly #closing = new AbortController();

  constructor(events: FinishEvents, listener: FinishListener, onError: (error: Error) => void) {
    this.#events = events;
    this.#onError = onError;
    const tell = ({ jobId }: { jobId: string }) => {
      listener(jobId, null);
    };
    events.on('completed', tell);
    events.on('failed', tell);
    events.on('withdrawn', tell);
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
