import { TesseraError } from '@tessera/contracts';
import type { JobSnapshot } from './job-queue.js';
import { isFinished } from './job-record.js';
import type { JobWatch } from './job-watch.js';
import { unknownJob } from './wait-for-job.js';

/**
 * A job as it is now and after every change, until it has finished. Changes that come faster than they are read are
 * merged into one; the same state may be yielded twice. Waits while the queue cannot be reached.
 *
 * @throws TesseraError `TSR_JOB_NOT_FOUND`; the reason of the signal; the reason with which the watch is closed
 */
export async function* followJob<Data>(
  id: string,
  signal: AbortSignal,
  watch: JobWatch,
  read: (id: string) => Promise<JobSnapshot<Data> | null>,
): AsyncGenerator<JobSnapshot<Data>, void, undefined> {
  signal.throwIfAborted();
  const bell = new Bell();
  const ring = () => {
    bell.ring();
  };
  const stopping = new AbortController();
  const unsubscribe = watch.subscribe(id, {
    check: ring,
    finish: ring,
    stop: (reason) => {
      stopping.abort(reason);
      bell.ring();
    },
  });
  signal.addEventListener('abort', ring, { once: true });
  try {
    for (let isFirst = true; ; isFirst = false) {
      const snapshot = await read(id).catch((error: unknown) => {
        if (isFirst || !isUnreachable(error)) throw error;
        return undefined;
      });
      if (snapshot === null) throw unknownJob(id);
      if (snapshot !== undefined) {
        yield snapshot;
        if (isFinished(snapshot)) return;
      }
      await bell.rung();
      signal.throwIfAborted();
      stopping.signal.throwIfAborted();
    }
  } finally {
    signal.removeEventListener('abort', ring);
    unsubscribe();
  }
}

function isUnreachable(error: unknown): boolean {
  return TesseraError.isInstance(error) && error.code === 'TSR_QUEUE_UNAVAILABLE';
}

/** Remembers that it was rung until the next wait. */
class Bell {
  #isRung = false;
  #wake: () => void = () => {};

  ring(): void {
    this.#isRung = true;
    this.#wake();
  }

  async rung(): Promise<void> {
    if (!this.#isRung) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#isRung = false;
  }
}
