import { clampedLogit } from '@tessera/runtime';

/** Lower detector scores count as this one: the object is not there. */
const lowestScore = 0.02;

/** Inverse of the logistic function, of a detector score kept within [0.02, 0.98]. */
export function scoreLogit(score: number): number {
  return clampedLogit(score, lowestScore);
}
