import type { JobOutcome, JobQueue, WaitOptions } from '@tessera/queue';

/**
 * How the job has ended, once it has; null when the time is up or one of the signals fires first. Listens to each signal
 * only while it waits: the draining signal lives as long as the process.
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
    throw error;
  } finally {
    for (const signal of signals) signal.removeEventListener('abort', stop);
  }
}
