import type { RunningJob } from '@tessera/queue';
import type { StageObserver } from '@tessera/runtime';
import type { Tracing } from '@tessera/tracing';

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

/** Reports the stages of a request as {@link progressReport} does, traces them, and ends it when its job is cancelled. */
export function stageObserver(job: Pick<RunningJob, 'progress' | 'signal'>, tracing: Tracing): StageObserver<string> {
  const report = progressReport(job);
  return {
    signal: job.signal,
    onProgress: (stage, fraction) => {
      report({ stage, fraction });
    },
    around: (stage, work) => tracing.inSpan(`stage ${stage}`, { 'tessera.stage': stage }, work),
  };
}
