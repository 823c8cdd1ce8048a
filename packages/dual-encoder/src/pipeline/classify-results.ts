import { compositionAt, compositionLabel, objectOf, type CandidateScores } from '@tessera/composition';
import type { CompositionResult } from '@tessera/contracts';
import type { RowSources, RowSource } from '../encoders/vocabulary-rows.js';
import type { CandidatePlan } from './candidate-plan.js';

/** The scores of one image as the response has them. */
export function describeScores(
  { predictions, marginals }: CandidateScores,
  { candidates, feasibility }: CandidatePlan,
  sources: RowSources,
): Omit<CompositionResult, 'index'> {
  const { attributeStarts, attributeIndexes, objectIndexes } = candidates;
  return {
    predictions: predictions.map(({ index, score, logit }) => {
      const composition = compositionAt(candidates, index);
      const attributes = attributeIndexes.subarray(attributeStarts[index], attributeStarts[index + 1]);
      const plausibility = feasibility?.[index];
      return {
        label: compositionLabel(composition),
        attributes: composition.slice(0, -1),
        object: objectOf(composition),
        score,
        logit,
        seen: candidates.seen[index] === 1,
        ...(plausibility === undefined ? {} : { feasibility: plausibility }),
        sources: {
          attributes: Array.from(attributes, (attribute) => sourceAt(sources.attributes, attribute)),
          object: sourceAt(sources.objects, objectIndexes[index]),
        },
      };
    }),
    ...(marginals === undefined
      ? {}
      : {
          attributes: ranked(candidates.attributes, marginals.attributes),
          objects: ranked(candidates.objects, marginals.objects),
        }),
  };
}

function sourceAt(sources: readonly RowSource[], index: number | undefined): RowSource {
  const source = sources[index ?? -1];
  if (source === undefined) throw new RangeError(`There is no source ${index} among ${sources.length}.`);
  return source;
}

/** Best first. A sum of probabilities may round to a little more than 1. */
function ranked(labels: readonly string[], scores: Float64Array): { label: string; score: number }[] {
  return labels
    .map((label, index) => ({ label, score: Math.min(1, scores[index] ?? 0) }))
    .sort((left, right) => right.score - left.score);
}
