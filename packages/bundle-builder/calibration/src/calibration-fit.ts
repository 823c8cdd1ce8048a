import type { LogisticCalibration } from '@tessera/contracts';
import { fitLogistic, probability, type WeightedSample } from '@tessera/runtime';

/** What may answer a question. */
export interface Candidate {
  readonly features: readonly number[];
  /** Whether it is of a class that the question asks for and the photo shows. */
  readonly isRight: boolean;
}

/** A question about a photo with what the detector found for it. */
export interface Question {
  /** Whether the photo shows what it asks for. */
  readonly hasTarget: boolean;
  /** None where the detector found nothing. */
  readonly candidates: readonly Candidate[];
}

/** How often the candidates that compete with the right ones are chosen anew, by the fit so far. */
const rounds = 10;

/**
 * Probability that a question has a target, by the features of its best candidate. Questions with and without a target
 * weigh the same in sum. A question with one gives its best right candidate as an example, and each question its best
 * wrong one as a counterexample: which these are depends on the fit, so fitting and choosing alternate. Wrong candidates
 * of earlier rounds stay, or the fit would swing between two sets of them.
 *
 * @param start - weights that the first candidates are chosen by
 */
export function fitCalibration(all: readonly Question[], start: readonly number[]): LogisticCalibration {
  const questions = all.map((question) => ({ ...question, wrong: new Set<Candidate>() }));
  const presentCount = questions.filter(({ hasTarget }) => hasTarget).length;
  const absentCount = questions.length - presentCount;
  let calibration: LogisticCalibration = { bias: 0, weights: [...start] };
  for (let round = 0; round < rounds; round++) {
    const current = calibration;
    calibration = fitLogistic(
      questions.flatMap(({ hasTarget, candidates, wrong }): WeightedSample[] => {
        const ranked = candidates.toSorted(
          (a, b) => probability(current, b.features) - probability(current, a.features),
        );
        const right = ranked.find(({ isRight }) => isRight);
        const worst = ranked.find(({ isRight }) => !isRight);
        if (worst !== undefined) wrong.add(worst);
        const weight = 1 / (hasTarget ? presentCount : absentCount);
        const wrongWeight = (hasTarget ? weight / 2 : weight) / wrong.size;
        return [
          ...(right ? [{ features: right.features, label: 1 as const, weight }] : []),
          ...[...wrong].map(({ features }) => ({ features, label: 0 as const, weight: wrongWeight })),
        ];
      }),
    );
  }
  return calibration;
}
