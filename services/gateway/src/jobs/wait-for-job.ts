import { TesseraError } from '@tessera/contracts';
import type { JobOutcome, JobQueue, WaitOptions } from '@tessera/queue';
import { lostJob } from './lost-result.js';

/**
 * How the job has ended, once it has; null when the time is up or one of the signals fires first. Listens to each signal
 * only while it waits: the draining signal lives as long as the process.
 *
 * @throws TesseraError `TSR_QUEUE_UNAVAILABLE` for a job that was queued and is gone: a Redis that crashes may lose its last second
 */
export async function waitForJob(
  queue: JobQueue,
  id: string,
  options: Omit<WaitOptions, 'signal'>,
  signals: readonly AbortSignal[],
): Promise<JobOutcome | null> {
  const controller = new AbortController();
  const stop = () => {
    controller.abort();
  };
  for (const signal of signals) {
    if (signal.aborted) return null;
    signal.addEventListener('abort', stop, { once: true });
  }
  try {
    return await queue.waitFor(id, { ...options, signal: controller.signal });
  } catch (error) {
    if (controller.signal.aborted) return null;
    throw TesseraError.isInstance(error) && error.code === 'TSR_JOB_NOT_FOUND' ? lostJob(error) : error;
  } finally {
    for (const signal of signals) signal.removeEventListener('abort', stop);
  }
}
