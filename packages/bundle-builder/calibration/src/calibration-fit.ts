import type { LogisticCalibration } from '@tessera/contracts';
import { fitLogistic, probability, type WeightedSample } from '@tessera/runtime';
import type { QueryEvidence } from './calibration-evidence.js';

/** How often the wrong classes that compete with the right ones are chosen anew, by the fit so far. */
const rounds = 10;

/**
 * Probability that a query has a target, by the features of its best class. Queries with and without a target weigh the
 * same in sum. A query with one gives its right class as an example, and each query its best wrong class as a
 * counterexample: which one that is depends on the fit, so fitting and choosing alternate. Wrong classes of earlier
 * rounds stay, or the fit would swing between two sets of them.
 */
export function fitCalibration(all: readonly QueryEvidence[], kind: 'named' | 'similarity'): LogisticCalibration {
  const queries = all
    .filter((query) => query[kind].some((features) => features !== undefined))
    .map((query) => ({ ...query, wrong: new Set<number>() }));
  const presentCount = queries.filter(({ targets }) => targets.length > 0).length;
  const absentCount = queries.length - presentCount;
  let calibration: LogisticCalibration = { bias: 0, weights: kind === 'named' ? [1] : [1, 1, -1] };
  for (let round = 0; round < rounds; round++) {
    const current = calibration;
    calibration = fitLogistic(
      queries.flatMap(({ targets, wrong, [kind]: features }): WeightedSample[] => {
        const ranked = [...features.entries()]
          .flatMap(([index, values]) => (values === undefined ? [] : [{ index, values }]))
          .sort((a, b) => probability(current, b.values) - probability(current, a.values));
        const right = ranked.find(({ index }) => targets.includes(index));
        const worst = ranked.find(({ index }) => !targets.includes(index));
        if (worst !== undefined && (kind === 'similarity' || targets.length === 0)) wrong.add(worst.index);
        const weight = 1 / (targets.length > 0 ? presentCount : absentCount);
        const wrongWeight = (targets.length > 0 ? weight / 2 : weight) / wrong.size;
        return [
          ...(right ? [{ features: right.values, label: 1 as const, weight }] : []),
          ...ranked
            .filter(({ index }) => wrong.has(index))
            .map(({ values }) => ({ features: values, label: 0 as const, weight: wrongWeight })),
        ];
      }),
    );
  }
  return calibration;
}
