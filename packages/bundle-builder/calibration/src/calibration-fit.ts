import type { LogisticCalibration } from '@tessera/contracts';
import { probability } from '@tessera/segmentation';
import type { PhotoEvidence } from './calibration-evidence.js';
import { fitLogistic, type WeightedSample } from './logistic-regression.js';

/** How often the wrong classes that compete with the right ones are chosen anew, by the fit so far. */
const rounds = 10;

interface QueryFeatures {
  readonly targets: readonly number[];
  readonly features: PhotoEvidence['evidence']['queries'][number]['features'];
}

/**
 * Probability that a query has a target, by the features of its best class. Queries with and without a target weigh the
 * same in sum. A query with one gives its right class as an example, and each query its best wrong class as a
 * counterexample: which one that is depends on the fit, so fitting and choosing alternate.
 */
export function fitCalibration(photos: readonly PhotoEvidence[], kind: 'named' | 'described'): LogisticCalibration {
  const queries = photos.flatMap(({ queries: asked, evidence }) =>
    evidence.queries.flatMap(({ isDescribed, features }, index): QueryFeatures[] =>
      isDescribed === (kind === 'described') ? [{ targets: asked[index]?.targets ?? [], features }] : [],
    ),
  );
  const presentCount = queries.filter(({ targets }) => targets.length > 0).length;
  const absentCount = queries.length - presentCount;
  let calibration: LogisticCalibration = { bias: 0, weights: kind === 'named' ? [1] : [1, 1, -1] };
  for (let round = 0; round < rounds; round++) {
    const current = calibration;
    calibration = fitLogistic(
      queries.flatMap(({ targets, features }): WeightedSample[] => {
        const ranked = [...features.entries()]
          .flatMap(([index, values]) => (values === undefined ? [] : [{ index, values }]))
          .sort((a, b) => probability(current, b.values) - probability(current, a.values));
        const right = ranked.find(({ index }) => targets.includes(index));
        const wrong = ranked.find(({ index }) => !targets.includes(index));
        const weight = 1 / (targets.length > 0 ? presentCount : absentCount);
        return [
          ...(right ? [{ features: right.values, label: 1 as const, weight }] : []),
          ...(wrong && (kind === 'described' || targets.length === 0)
            ? [{ features: wrong.values, label: 0 as const, weight: targets.length > 0 ? weight / 2 : weight }]
            : []),
        ];
      }),
    );
  }
  return calibration;
}

/** Share of queries about whose presence a calibration is right at probability 0.5. */
export function presenceAccuracy(
  photos: readonly PhotoEvidence[],
  kind: 'named' | 'described',
  calibration: LogisticCalibration,
): { readonly present: number; readonly absent: number } {
  const hits = { present: [0, 0], absent: [0, 0] };
  for (const { queries, evidence } of photos) {
    for (const [index, { isDescribed, features }] of evidence.queries.entries()) {
      if (isDescribed !== (kind === 'described')) continue;
      const best = Math.max(0, ...features.map((values) => (values ? probability(calibration, values) : 0)));
      const isPresent = (queries[index]?.targets.length ?? 0) > 0;
      const count = isPresent ? hits.present : hits.absent;
      count[0] = (count[0] ?? 0) + (best >= 0.5 === isPresent ? 1 : 0);
      count[1] = (count[1] ?? 0) + 1;
    }
  }
  const share = ([right = 0, all = 0]: readonly number[]): number => right / all;
  return { present: share(hits.present), absent: share(hits.absent) };
}
