import { canonicalName, compositionAt, compositionLabel, objectOf, type CandidateScores } from '@tessera/composition';
import type { CompositionResult, CompositionWarning } from '@tessera/contracts';
import type { LearnedRows } from '../encoders/vocabulary-rows.js';
import type { CandidatePlan } from './candidate-plan.js';

/** The scores of one image as the response has them. */
export function describeScores(
  { predictions, marginals }: CandidateScores,
  { candidates, feasibility }: CandidatePlan,
  learned: LearnedRows,
): Omit<CompositionResult, 'index'> {
  const sourceOf = (rows: ReadonlyMap<string, unknown>, name: string) =>
    rows.has(canonicalName(name)) ? 'soft' : 'pretrained';
  return {
    predictions: predictions.map(({ index, score, logit }) => {
      const composition = compositionAt(candidates, index);
      const [attributes, object] = [composition.slice(0, -1), objectOf(composition)];
      const plausibility = feasibility?.[index];
      return {
        label: compositionLabel(composition),
        attributes,
        object,
        score,
        logit,
        seen: candidates.seen[index] === 1,
        ...(plausibility === undefined ? {} : { feasibility: plausibility }),
        sources: {
          attributes: attributes.map((name) => sourceOf(learned.attributes, name)),
          object: sourceOf(learned.objects, object),
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

/** What a client should know about the candidates' names; a name with a learned row needs no known words. */
export function warningsAbout({ unknownWords }: CandidatePlan, learned: LearnedRows): CompositionWarning[] {
  const words = (['attributes', 'objects'] as const).flatMap((kind) =>
    [...unknownWords[kind]].flatMap(([name, unknown]) => (learned[kind].has(canonicalName(name)) ? [] : unknown)),
  );
  return words.length === 0 ? [] : [{ code: 'unknown_words', words: [...new Set(words)] }];
}

/** Best first. A sum of probabilities may round to a little more than 1. */
function ranked(labels: readonly string[], scores: Float64Array): { label: string; score: number }[] {
  return labels
    .map((label, index) => ({ label, score: Math.min(1, scores[index] ?? 0) }))
    .sort((left, right) => right.score - left.score);
}
