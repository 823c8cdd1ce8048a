import { feasibleCandidates } from '../candidates/feasibility.js';
import { evaluateLogits, type GeneralisedEvaluation } from './generalised-evaluation.js';
import type { LabelledLogits } from './image-ranking.js';

export interface FeasibilityChoice {
  readonly threshold: number;
  /** Of the images that the choice was made with. */
  readonly evaluation: GeneralisedEvaluation;
}

/** Thresholds that are tried. */
const trials = 50;

/**
 * The threshold with the largest AUC on validation images, of fifty between the least and the largest feasibility of unseen
 * candidates; of equal ones the lowest.
 *
 * @param feasibility - `[C]`
 * @throws EvaluationError as `evaluateLogits`
 */
export function chooseFeasibilityThreshold(labelled: LabelledLogits, feasibility: Float32Array): FeasibilityChoice {
  const unseen = feasibility.filter((_, index) => labelled.seen[index] !== 1);
  const least = unseen.reduce((left, right) => Math.min(left, right), 1);
  const largest = unseen.reduce((left, right) => Math.max(left, right), -1);
  const choices = Array.from({ length: trials }, (_, trial): FeasibilityChoice => {
    const threshold = (least * (trials - 1 - trial) + largest * trial) / (trials - 1);
    const feasible = feasibleCandidates(feasibility, labelled.seen, threshold);
    return { threshold, evaluation: evaluateLogits(labelled, feasible) };
  });
  return choices.reduce((best, choice) =>
    choice.evaluation.metrics.auc > best.evaluation.metrics.auc ? choice : best,
  );
}
