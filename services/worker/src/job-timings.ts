import { roundTo } from '@tessera/runtime';
import type { RunningJob } from '@tessera/queue';

/**
 * Starts the clock of a job.
 *
 * @returns gives the job's `timings_ms` up to now, from the milliseconds of its stages: to a tenth, since across two
 *   processes the clocks are not more exact
 */
export function startTimings({
  enqueuedAt,
}: Pick<RunningJob, 'enqueuedAt'>): (stagesMs: Readonly<Record<string, number>>) => Record<string, number> {
  const startedAt = performance.now();
  const queueMs = Math.max(0, Date.now() - enqueuedAt);
  return (stagesMs) => {
    const timings = { queue: queueMs, ...stagesMs, total: queueMs + performance.now() - startedAt };
    return Object.fromEntries(Object.entries(timings).map(([stage, ms]) => [stage, roundTo(ms, 1)]));
  };
}
