import { TesseraError } from '@tessera/contracts';
import type { JobSnapshot, WaitOptions } from './job-queue.js';
import { isFinished } from './job-record.js';
import type { JobSubscriber, JobWatch } from './job-watch.js';

/**
 * Waits for a job to finish; null when the time is up.
 *
 * @param look - reads the job; its position in the queue may be missing
 * @throws TesseraError `TSR_JOB_NOT_FOUND`; the reason of the signal; the reason with which the watch is closed
 */
export function waitForJob<Data>(
  id: string,
  { timeoutMs, signal }: WaitOptions,
  watch: JobWatch<Data>,
  look: (id: string) => Promise<JobSnapshot<Data> | null>,
): Promise<JobSnapshot<Data> | null> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();

    const settle = (snapshot: JobSnapshot<Data> | null) => {
      if (snapshot === null) subscriber.stop(unknownJob(id));
      else if (isFinished(snapshot)) subscriber.finish(snapshot);
    };
    const subscriber: JobSubscriber<Data> = {
      check: (what) => {
        // A read that fails does not end the wait: the queue may be back before the timeout.
        if (what === 'finished') void look(id).then(settle, () => undefined);
      },
      finish: (snapshot) => {
        leave();
        resolve(snapshot);
      },
      stop: (reason) => {
        leave();
        reject(reason);
      },
    };
    const unsubscribe = watch.subscribe(id, subscriber);
    const abort = () => {
      subscriber.stop(signal?.reason as Error);
    };
    const timers = [
      setTimeout(() => {
        leave();
        resolve(null);
      }, timeoutMs),
    ];
    const leave = () => {
      for (const timer of timers) clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      unsubscribe();
    };

    signal?.addEventListener('abort', abort, { once: true });
    look(id).then((snapshot) => {
      const untilDeadlineMs = (snapshot?.deadlineAt ?? Infinity) - Date.now();
      if (untilDeadlineMs < timeoutMs) {
        const checkDeadline = () => {
          subscriber.check('finished');
        };
        timers.push(setTimeout(checkDeadline, untilDeadlineMs + 1));
      }
      settle(snapshot);
    }, subscriber.stop);
  });
}

export function unknownJob(id: string): TesseraError {
  return new TesseraError('TSR_JOB_NOT_FOUND', `There is no job ${id}.`);
}
