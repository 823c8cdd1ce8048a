import { setTimeout as delay } from 'node:timers/promises';
import { TesseraError } from '@tessera/contracts';
import type { JobSnapshot, WaitOptions } from './job-queue.js';
import { fromBullId, isFinished } from './job-record.js';
import type { BullEvents, QueueBackend } from './queue-backend.js';

/** How often a waiter looks for itself, should the event it waits for have been lost. */
const recheckMs = 5_000;
const restartDelayMs = 500;

interface Waiter {
  /** Looks whether the job has finished. */
  readonly check: () => void;
  readonly stop: (reason: Error) => void;
}

/** Those who wait for jobs to finish: one stream of events for all of them. */
export class JobWaiters<Data> {
  readonly #backend: QueueBackend;
  readonly #get: (id: string) => Promise<JobSnapshot<Data> | null>;
  readonly #onError: (error: Error) => void;
  readonly #waiters = new Map<string, Set<Waiter>>();
  readonly #closing = new AbortController();
  #events: BullEvents | null = null;

  constructor(
    backend: QueueBackend,
    get: (id: string) => Promise<JobSnapshot<Data> | null>,
    onError: (error: Error) => void,
  ) {
    this.#backend = backend;
    this.#get = get;
    this.#onError = onError;
  }

  wait(id: string, { timeoutMs, signal }: WaitOptions): Promise<JobSnapshot<Data> | null> {
    return new Promise((resolve, reject) => {
      this.#closing.signal.throwIfAborted();
      signal?.throwIfAborted();
      this.#events ??= this.#listen();

      const settle = (snapshot: JobSnapshot<Data> | null) => {
        if (snapshot === null) waiter.stop(new TesseraError('TSR_JOB_NOT_FOUND', `There is no job ${id}.`));
        else if (isFinished(snapshot)) finish(snapshot);
      };
      const waiter: Waiter = {
        // A look that fails leaves the waiter waiting: the queue may be back before the timeout.
        check: () => void this.#get(id).then(settle, () => undefined),
        stop: (reason) => {
          leave();
          reject(reason);
        },
      };
      const abort = () => {
        waiter.stop(signal?.reason as Error);
      };
      const timers = [
        setTimeout(() => {
          finish(null);
        }, timeoutMs),
        setInterval(waiter.check, recheckMs),
      ];
      const leave = () => {
        for (const timer of timers) clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        this.#unsubscribe(id, waiter);
      };
      const finish = (snapshot: JobSnapshot<Data> | null) => {
        leave();
        resolve(snapshot);
      };

      this.#subscribe(id, waiter);
      signal?.addEventListener('abort', abort, { once: true });
      this.#get(id).then((snapshot) => {
        const untilDeadlineMs = (snapshot?.deadlineAt ?? Infinity) - Date.now();
        if (untilDeadlineMs < timeoutMs) timers.push(setTimeout(waiter.check, untilDeadlineMs + 1));
        settle(snapshot);
      }, waiter.stop);
    });
  }

  async close(): Promise<void> {
    const reason = new TesseraError('TSR_QUEUE_UNAVAILABLE', 'The queue is shutting down.');
    this.#closing.abort(reason);
    for (const waiter of [...this.#waiters.values()].flatMap((waiters) => [...waiters])) waiter.stop(reason);
    await this.#events?.close();
  }

  /** Starts from the oldest event still kept, so that none falls between opening the stream and the first read. */
  #listen(): BullEvents {
    const events = this.#backend.openEvents({ autorun: false, lastEventId: '0' });
    const wake = ({ jobId }: { jobId: string }) => {
      for (const waiter of this.#waiters.get(fromBullId(jobId)) ?? []) waiter.check();
    };
    events.on('completed', wake);
    events.on('failed', wake);
    events.on('withdrawn', wake);
    events.on('error', this.#onError);
    void this.#keepRunning(events);
    return events;
  }

  async #keepRunning(events: BullEvents): Promise<void> {
    while (!this.#closing.signal.aborted) {
      try {
        await events.run();
      } catch (error) {
        this.#onError(error as Error);
      }
      await delay(restartDelayMs, undefined, { signal: this.#closing.signal }).catch(() => undefined);
    }
  }

  #subscribe(id: string, waiter: Waiter): void {
    const waiters = this.#waiters.get(id) ?? new Set();
    this.#waiters.set(id, waiters.add(waiter));
  }

  #unsubscribe(id: string, waiter: Waiter): void {
    const waiters = this.#waiters.get(id);
    waiters?.delete(waiter);
    if (waiters?.size === 0) this.#waiters.delete(id);
  }
}
