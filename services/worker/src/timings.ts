import { roundTo } from '@tessera/runtime';

/** Milliseconds to a tenth: across two processes the clocks are not more exact. */
export function rounded(timings: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(timings).map(([stage, ms]) => [stage, roundTo(ms, 1)]));
}
