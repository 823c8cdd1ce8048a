import type { CandidateSet } from '../candidates/candidate-set.js';
import { largestIndexes } from './largest-values.js';

export interface ScoringOptions {
  /** How many predictions to give, best first. */
  readonly topK: number;
  /** Added to the logits of unseen candidates before they are compared; 0 by default. */
  readonly unseenBias?: number;
  /** Whether to sum the scores by attribute and by object. */
  readonly marginals?: boolean;
}

/** One candidate among the best. */
export interface Prediction {
  /** Index of the candidate. */
  readonly index: number;
  /** Logit without the bias. */
  readonly logit: number;
  /** Softmax of the biased logits over all candidates. */
  readonly score: number;
}

/** Scores summed over the candidates that have a primitive; those of attributes exceed 1 where candidates have several. */
export interface Marginals {
  /** In the order of `CandidateSet.attributes`. */
  readonly attributes: Float64Array;
  /** In the order of `CandidateSet.objects`. */
  readonly objects: Float64Array;
}

export interface CandidateScores {
  readonly predictions: readonly Prediction[];
  readonly marginals: Marginals | undefined;
}

/**
 * Ranks the candidates of one image in passes over its logits; nothing of size C is allocated.
 *
 * @param logits - `[C]`
 * @throws RangeError when there are not as many logits as candidates
 */
export function scoreCandidates(
  logits: Float32Array,
  candidates: CandidateSet,
  { topK, unseenBias = 0, marginals = false }: ScoringOptions,
): CandidateScores {
  if (logits.length !== candidates.count) {
    throw new RangeError(`There are ${logits.length} logits of ${candidates.count} candidates.`);
  }
  const { seen } = candidates;
  const biased = (index: number) => (logits[index] ?? 0) + (seen[index] === 1 ? 0 : unseenBias);
  const { largest, sum } = exponentialSum(logits.length, biased);
  const scoreOf = (index: number) => Math.exp(biased(index) - largest) / sum;
  return {
    predictions: largestIndexes(logits.length, topK, biased).map((index) => ({
      index,
      logit: logits[index] ?? 0,
      score: scoreOf(index),
    })),
    marginals: marginals ? sumByPrimitive(candidates, scoreOf) : undefined,
  };
}

/**
 * `sum` = Σ exp(value − largest), in one pass: the sum so far is rescaled whenever a larger value appears. Both parts stay
 * apart because their combination, largest + log(sum), would lose the sum beside a large value.
 */
function exponentialSum(length: number, valueAt: (index: number) => number): { largest: number; sum: number } {
  let largest = -Infinity;
  let sum = 0;
  for (let index = 0; index < length; index++) {
    const value = valueAt(index);
    if (value <= largest) {
      sum += Math.exp(value - largest);
    } else {
      sum = sum * Math.exp(largest - value) + 1;
      largest = value;
    }
  }
  return { largest, sum };
}

function sumByPrimitive(candidates: CandidateSet, scoreOf: (index: number) => number): Marginals {
  const attributes = new Float64Array(candidates.attributes.length);
  const objects = new Float64Array(candidates.objects.length);
  let slot = 0;
  for (let index = 0; index < candidates.count; index++) {
    const score = scoreOf(index);
    const object = candidates.objectIndexes[index] ?? 0;
    objects[object] = (objects[object] ?? 0) + score;
    for (const end = candidates.attributeStarts[index + 1] ?? 0; slot < end; slot++) {
      const attribute = candidates.attributeIndexes[slot] ?? 0;
      attributes[attribute] = (attributes[attribute] ?? 0) + score;
    }
  }
  return { attributes, objects };
}
