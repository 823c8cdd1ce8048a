import { performance } from 'node:perf_hooks';
import type { RunningJob } from '@tessera/queue';

const reportIntervalMs = 500;

/**
 * Reports a job's progress to the queue, at most twice a second and not in its first half second: a short job ends before
 * a client could read it. A report that fails is ignored.
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
