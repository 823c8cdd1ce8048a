import { performance } from 'node:perf_hooks';
import type { RunningJob } from '@tessera/queue';

const reportIntervalMs = 500;

/**
 * Tells the queue of a job's progress, at most twice a second and not in its first half second: a short job is over
 * before anyone could ask how far it is. A report that fails is a courtesy less, not a failed job.
 */
export function progressReport(job: Pick<RunningJob, 'progress'>): (progress: object) => void {
  let reportedAt = performance.now();
  return (progress) => {
    const now = performance.now();
    if (now - reportedAt < reportIntervalMs) return;
    reportedAt = now;
    job.progress(progress).catch(() => undefined);
  };
}
