import { roundTo } from '@tessera/runtime';

/** Milliseconds to a tenth: what the clock resolves once a job has crossed two processes. */
export function rounded(timings: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(timings).map(([stage, ms]) => [stage, roundTo(ms, 1)]));
}
