import { computeLogits, evaluateLogits, EvaluationError, type TextMatrix } from '@tessera/composition';
import type { VocabularyMetrics } from '@tessera/contracts';
import { concatenate, rowsOf } from '@tessera/inference';
import type { LearningProblem } from './learning-problem.js';

/** How well the prompts of an epoch classify the validation images. */
export interface Validation {
  /** What epochs are compared by: the AUC; where it is not defined, the share of images that are classified correctly. */
  readonly score: number;
  /** Of the generalised evaluation, when there are images of seen and of unseen pairs. */
  readonly metrics: VocabularyMetrics | undefined;
}

/**
 * @param features - embeddings of the validation images
 * @param matrix - text embeddings of the problem's candidates
 * @returns nothing when there are no validation images
 */
export function validate(
  { candidates, truths }: Pick<LearningProblem, 'candidates' | 'truths'>,
  features: readonly Float32Array[],
  matrix: TextMatrix,
  logitScale: number,
): Validation | undefined {
  if (truths.length === 0) return undefined;
  const logits = computeLogits(concatenate(features), matrix, logitScale);
  try {
    const { metrics } = evaluateLogits({ logits, seen: candidates.seen, truths: Int32Array.from(truths) });
    return { score: metrics.auc, metrics };
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error;
    return { score: accuracy(logits, truths), metrics: undefined };
  }
}

function accuracy(logits: Float32Array, truths: readonly number[]): number {
  const rows = rowsOf(logits, truths.length);
  const correct = truths.filter((truth, image) => {
    const row = rows[image] ?? new Float32Array();
    return row[truth] === row.reduce((one, other) => Math.max(one, other), -Infinity);
  });
  return correct.length / truths.length;
}
