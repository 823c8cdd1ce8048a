import { EvaluationError, evaluateLogits } from '@tessera/composition';
import { UsageError } from './command-errors.js';

/** The generalised evaluation. @throws UsageError where it is not defined for these images */
export function evaluateCollected(...input: Parameters<typeof evaluateLogits>): ReturnType<typeof evaluateLogits> {
  try {
    return evaluateLogits(...input);
  } catch (error) {
    throw error instanceof EvaluationError ? new UsageError(error.message) : error;
  }
}
