import type { VocabularyMetrics } from '@tessera/contracts';
import { isCorrect, rankImages, type ImageRanking, type LabelledLogits } from './image-ranking.js';

/** The evaluation is not defined for these images; the message gives the reason. */
export class EvaluationError extends Error {
  override readonly name = 'EvaluationError';
}

/** Accuracies, from 0 to 1, when `bias` is added to the logits of unseen candidates. */
export interface CurvePoint {
  readonly bias: number;
  /** On images of seen compositions. */
  readonly seen: number;
  /** On images of unseen compositions. */
  readonly unseen: number;
}

export interface GeneralisedEvaluation {
  readonly metrics: VocabularyMetrics;
  /** In ascending order of the bias. */
  readonly curve: readonly CurvePoint[];
  readonly seenImages: number;
  readonly unseenImages: number;
}

/** Beyond any difference of logits: with it every prediction is an unseen candidate. */
const largestBias = 1e3;
/** Keeps an image just on the wrong side of its own bias. */
const margin = 1e-4;
/** About how many biases a curve has. */
const steps = 20;

/**
 * The generalised evaluation of compositional zero-shot learning (Purushwalkam et al., "Task-Driven Modular Networks",
 * ICCV 2019; as in Nayak, Yu, Bach, "Learning to Compose Soft Prompts", ICLR 2023): accuracy on images of seen and of
 * unseen compositions for a range of biases, the area under that curve, and its best harmonic mean.
 *
 * @param feasible - `[C]`: 0 for candidates that are left out
 * @throws EvaluationError when there are no images of seen or none of unseen compositions
 * @throws RangeError when shapes do not match
 */
export function evaluateLogits(labelled: LabelledLogits, feasible?: Uint8Array): GeneralisedEvaluation {
  const rankings = rankImages(labelled, feasible);
  const seen = rankings.filter(({ isSeen }) => isSeen);
  const unseen = rankings.filter(({ isSeen }) => !isSeen);
  if (seen.length === 0 || unseen.length === 0) {
    throw new EvaluationError(
      `The evaluation compares images of seen and unseen pairs; there are ${seen.length} and ${unseen.length}.`,
    );
  }
  const curve = [...biasesOf(unseen), largestBias].map((bias): CurvePoint => {
    return { bias, seen: accuracy(seen, bias), unseen: accuracy(unseen, bias) };
  });
  return { metrics: summarize(curve), curve, seenImages: seen.length, unseenImages: unseen.length };
}

/** The biases at which images of unseen compositions turn correct: some twenty of them, ascending. */
function biasesOf(unseen: readonly ImageRanking[]): number[] {
  const differences = unseen
    .filter((ranking) => isCorrect(ranking, largestBias))
    .map(({ bestSeen, truthLogit }) => bestSeen.logit - truthLogit - margin)
    .sort((left, right) => left - right);
  const stride = Math.max(Math.floor(differences.length / steps), 1);
  return differences.filter((_, index) => index % stride === 0);
}

function accuracy(rankings: readonly ImageRanking[], bias: number): number {
  return rankings.filter((ranking) => isCorrect(ranking, bias)).length / rankings.length;
}

function summarize(curve: readonly CurvePoint[]): VocabularyMetrics {
  let auc = 0;
  let best = { bias: largestBias, harmonicMean: 0 };
  for (const [index, point] of curve.entries()) {
    const previous = curve[index - 1] ?? point;
    auc += ((point.unseen - previous.unseen) * (point.seen + previous.seen)) / 2;
    const harmonicMean = harmonicMeanOf(point);
    if (harmonicMean > best.harmonicMean) best = { bias: point.bias, harmonicMean };
  }
  return {
    auc,
    best_hm: best.harmonicMean,
    best_seen: Math.max(...curve.map(({ seen }) => seen)),
    best_unseen: Math.max(...curve.map(({ unseen }) => unseen)),
    bias: best.bias,
  };
}

function harmonicMeanOf({ seen, unseen }: CurvePoint): number {
  return seen + unseen === 0 ? 0 : (2 * seen * unseen) / (seen + unseen);
}
