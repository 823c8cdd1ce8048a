import { TesseraError } from '@tessera/contracts';
import type { JobOutcome, JobSnapshot, WaitOptions } from './job-queue.js';
import { isFinished } from './job-record.js';
import type { JobSubscriber, JobWatch } from './job-watch.js';

/**
 * When a job that was just added is read for the first time. Its event may have come before anybody listened, which is rare; most
 * have ended by then and are not read at all.
 */
const firstLookMs = 250;
/** Reads of the job that fail one after the other before the queue counts as unreachable; seconds pass between them. */
const mostFailedLooks = 2;

/**
 * Waits for a job to finish; null when the time is up, or the queue is needed and cannot be reached.
 *
 * @param look - reads the job; its position in the queue may be missing
 * @throws TesseraError `TSR_JOB_NOT_FOUND`; the reason of the signal; the reason with which the watch is closed
 */
export function waitForJob(
  id: string,
  { timeoutMs, signal, isNew = false, needsQueue = false }: WaitOptions,
  watch: JobWatch,
  look: (id: string) => Promise<JobSnapshot<unknown> | null>,
): Promise<JobOutcome | null> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();

    let failedLooks = 0;
    const settle = (snapshot: JobSnapshot<unknown> | null) => {
      failedLooks = 0;
      if (snapshot === null) subscriber.stop(unknownJob(id));
      else if (isFinished(snapshot)) subscriber.finish(snapshot);
    };
    const subscriber: JobSubscriber = {
      check: (what) => {
        if (what === 'finished') void look(id).then(settle, onFailedLook);
      },
      finish: ({ id, status, resultKey, error }) => {
        leave();
        resolve({ id, status, resultKey, error });
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
    const giveUp = () => {
      leave();
      resolve(null);
    };
    // One read that fails does not end the wait: the queue may be back before the timeout.
    const onFailedLook = () => {
      failedLooks++;
      if (needsQueue && failedLooks >= mostFailedLooks) giveUp();
    };
    const timers = [setTimeout(giveUp, timeoutMs)];
    let isOver = false;
    const leave = () => {
      isOver = true;
      for (const timer of timers) clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      unsubscribe();
    };

    signal?.addEventListener('abort', abort, { once: true });
    // That a job which was just added cannot be read does not end the wait for it: it was accepted.
    const onFailedFirstLook = isNew ? onFailedLook : subscriber.stop;
    const lookFirst = () => {
      look(id).then((snapshot) => {
        const untilDeadlineMs = (snapshot?.deadlineAt ?? Infinity) - Date.now();
        if (!isOver && untilDeadlineMs < timeoutMs) {
          const checkDeadline = () => {
            subscriber.check('finished');
          };
          timers.push(setTimeout(checkDeadline, untilDeadlineMs + 1));
        }
        settle(snapshot);
      }, onFailedFirstLook);
    };
    if (isNew) timers.push(setTimeout(lookFirst, firstLookMs));
    else lookFirst();
  });
}

export function unknownJob(id: string): TesseraError {
  return new TesseraError('TSR_JOB_NOT_FOUND', `There is no job ${id}.`);
}
