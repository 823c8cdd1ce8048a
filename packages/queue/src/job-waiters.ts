import { TesseraError } from '@tessera/contracts';
import type { JobSnapshot, WaitOptions } from './job-queue.js';
import { fromBullId, isFinished, toSnapshot } from './job-record.js';
import type { QueueBackend } from './queue-backend.js';

/** How often a waiter looks for itself, should the event it waits for have been lost. */
const recheckMs = 5_000;

interface Waiter<Data> {
  /** Looks whether the job has finished. */
  readonly check: () => void;
  /** Null when the time is up. */
  readonly finish: (snapshot: JobSnapshot<Data> | null) => void;
  readonly stop: (reason: Error) => void;
}

/** Those who wait for jobs to finish: one stream of events for all of them. */
export class JobWaiters<Data> {
  readonly #backend: QueueBackend;
  readonly #look: (id: string) => Promise<JobSnapshot<Data> | null>;
  readonly #waiters = new Map<string, Set<Waiter<Data>>>();
  readonly #closing = new AbortController();
  #watch: { close(): Promise<void> } | null = null;

  /** @param look - the job as far as waiting goes: its place among unfinished ones does not matter */
  constructor(backend: QueueBackend, look: (id: string) => Promise<JobSnapshot<Data> | null>) {
    this.#backend = backend;
    this.#look = look;
  }

  wait(id: string, { timeoutMs, signal }: WaitOptions): Promise<JobSnapshot<Data> | null> {
    return new Promise((resolve, reject) => {
      this.#closing.signal.throwIfAborted();
      signal?.throwIfAborted();
      this.#watch ??= this.#listen();

      const settle = (snapshot: JobSnapshot<Data> | null) => {
        if (snapshot === null) waiter.stop(new TesseraError('TSR_JOB_NOT_FOUND', `There is no job ${id}.`));
        else if (isFinished(snapshot)) waiter.finish(snapshot);
      };
      const waiter: Waiter<Data> = {
        // A look that fails leaves the waiter waiting: the queue may be back before the timeout.
        check: () => void this.#look(id).then(settle, () => undefined),
        finish: (snapshot) => {
          leave();
          resolve(snapshot);
        },
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
          waiter.finish(null);
        }, timeoutMs),
        setInterval(waiter.check, recheckMs),
      ];
      const leave = () => {
        for (const timer of timers) clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        this.#unsubscribe(id, waiter);
      };

      this.#subscribe(id, waiter);
      signal?.addEventListener('abort', abort, { once: true });
      this.#look(id).then((snapshot) => {
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
    await this.#watch?.close();
  }

  #listen(): { close(): Promise<void> } {
    return this.#backend.watchFinished((bullId, finished) => {
      for (const waiter of this.#waiters.get(fromBullId(bullId)) ?? []) {
        if (finished === null) waiter.check();
        else waiter.finish(toSnapshot(finished, null));
      }
    });
  }

  #subscribe(id: string, waiter: Waiter<Data>): void {
    const waiters = this.#waiters.get(id) ?? new Set<Waiter<Data>>();
    this.#waiters.set(id, waiters.add(waiter));
  }

  #unsubscribe(id: string, waiter: Waiter<Data>): void {
    const waiters = this.#waiters.get(id);
    waiters?.delete(waiter);
    if (waiters?.size === 0) this.#waiters.delete(id);
  }
}
