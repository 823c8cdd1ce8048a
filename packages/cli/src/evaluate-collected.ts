import { chooseFeasibilityThreshold, EvaluationError, evaluateLogits } from '@tessera/composition';
import { UsageError } from './command-errors.js';

/** The generalised evaluation. @throws UsageError where it is not defined for these images */
export function evaluateCollected(...input: Parameters<typeof evaluateLogits>): ReturnType<typeof evaluateLogits> {
  return asUsage(() => evaluateLogits(...input));
}

/** The feasibility from which on pairs are candidates. @throws UsageError where it is not defined for these images */
export function chooseThreshold(...input: Parameters<typeof chooseFeasibilityThreshold>): number {
  return asUsage(() => chooseFeasibilityThreshold(...input)).threshold;
}

function asUsage<Result>(evaluate: () => Result): Result {
  try {
    return evaluate();
  } catch (error) {
    throw error instanceof EvaluationError ? new UsageError(error.message) : error;
  }
}
