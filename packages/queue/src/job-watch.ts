import type { JobOutcome } from './job-queue.js';
import { fromBullId } from './job-record.js';
import type { QueueBackend } from './queue-backend.js';

/** How often a subscriber is asked to read its job, in case the event it waits for was lost. */
const recheckMs = 5_000;

export interface JobSubscriber {
  /** The job may have changed. */
  readonly check: (what: 'moved' | 'finished') => void;
  /** The job has finished. */
  readonly finish: (outcome: JobOutcome) => void;
  /** The queue closes. */
  readonly stop: (reason: Error) => void;
}

/** Subscribers to single jobs: all share one stream of events, opened by the first. */
export class JobWatch {
  readonly #backend: QueueBackend;
  readonly #subscribers = new Map<string, Set<JobSubscriber>>();
  #closed: Error | null = null;
  #events: { close(): Promise<void> } | null = null;

  constructor(backend: QueueBackend) {
    this.#backend = backend;
  }

  /**
   * Notifies the subscriber until the returned function is called.
   *
   * @throws the reason with which the watch was closed
   */
  subscribe(id: string, subscriber: JobSubscriber): () => void {
    if (this.#closed !== null) throw this.#closed;
    this.#events ??= this.#listen();
    const subscribers = this.#subscribers.get(id) ?? new Set<JobSubscriber>();
    this.#subscribers.set(id, subscribers.add(subscriber));
    const timer = setInterval(() => {
      subscriber.check('finished');
    }, recheckMs);
    return () => {
      clearInterval(timer);
      subscribers.delete(subscriber);
      if (subscribers.size === 0 && this.#subscribers.get(id) === subscribers) this.#subscribers.delete(id);
    };
  }

  async close(reason: Error): Promise<void> {
    this.#closed = reason;
    for (const subscriber of [...this.#subscribers.values()].flatMap((group) => [...group])) subscriber.stop(reason);
    await this.#events?.close();
  }

  #listen(): { close(): Promise<void> } {
    const subscribersOf = (bullId: string) => [...(this.#subscribers.get(fromBullId(bullId)) ?? [])];
    return this.#backend.watch({
      finished: (bullId, resultKey) => {
        for (const subscriber of subscribersOf(bullId)) {
          if (resultKey === null) subscriber.check('finished');
          else subscriber.finish({ id: fromBullId(bullId), status: 'succeeded', resultKey, error: null });
        }
      },
      moved: (bullId) => {
        for (const subscriber of subscribersOf(bullId)) subscriber.check('moved');
      },
    });
  }
}
