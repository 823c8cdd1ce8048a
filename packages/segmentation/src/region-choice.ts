import type { LogisticCalibration, RegionReasonerSettings, Warning } from '@tessera/contracts';
import { boxArea, distinctBoxes, type Box } from './box.js';
import { probability } from './logistic.js';
import type { ObjectChoice } from './object-choice.js';
import type { QueryReading } from './query-matcher.js';
import type { RegionScores } from './reasoner.js';
import { isUntaughtWord } from './word-kinds.js';

/** How a query speaks of its thing, which decides how sure a score makes. */
export type ReasonerQueryKind = 'named' | 'context' | 'described';

/** Above this the gate says that the answer depends on more than the class, and `singular` that one thing is meant. */
const half = 0.5;

interface Candidate {
  readonly box: Box;
  readonly score: number;
  readonly classLogit: number;
}

export function queryKind({ classes, isDescribed }: QueryReading, { gate }: RegionScores): ReasonerQueryKind {
  if (isDescribed || classes.length === 0) return 'described';
  return gate > half ? 'context' : 'named';
}

/**
 * Chooses the regions that a query means. A query for one thing gets the best region of those that pass the class
 * channel; any other the regions over the threshold of the bundle that are distinct, the best ones when it says how many.
 * "The dog" alone is no query for one thing: where several are, it means each.
 *
 * @param boxes - of the regions that were scored, `[regions]`
 * @param threshold - least probability at which a target counts as present
 */
export function chooseRegions(
  reading: QueryReading,
  regions: RegionScores,
  boxes: readonly Box[],
  settings: RegionReasonerSettings,
  threshold: number,
): ObjectChoice {
  const kind = queryKind(reading, regions);
  const probabilityOf = ({ score, classLogit }: Candidate): number =>
    probability(calibrationOf(settings, kind), [score, classLogit]);
  const isSingular = asksForOne(reading, regions);
  const candidates = boxes
    .flatMap((box, index) => {
      const [score, classLogit] = [regions.scores[index], regions.classLogits[index]];
      return score === undefined || classLogit === undefined ? [] : [{ box, score, classLogit }];
    })
    .filter(({ box, classLogit }) => boxArea(box) > 0 && (!isSingular || classLogit > settings.class_floor))
    .sort((a, b) => b.score - a.score);
  const [best] = candidates;
  const warnings = wordWarnings(reading, kind);
  const score = best === undefined ? 0 : probabilityOf(best);
  if (best === undefined || score < threshold) return { score, objects: [], warnings };

  const certain = isSingular ? [] : candidates.filter((candidate) => candidate.score > settings.region_threshold);
  const limit = Math.min(settings.maximum_objects, reading.quantity.count ?? Number.POSITIVE_INFINITY);
  const chosen = distinctBoxes(certain.length > 0 ? certain : [best], settings.box_overlap_threshold).slice(0, limit);
  return {
    score,
    objects: chosen.map((candidate) => ({ box: candidate.box, probability: probabilityOf(candidate) })),
    warnings: [...warnings, ...countWarnings(reading, chosen.length)],
  };
}

/** The choice for a query that the reasoner is not asked: it says nothing, or excludes what cannot be excluded. */
export function refuseQuery(reading: QueryReading): ObjectChoice {
  const warnings = wordWarnings(reading, 'named');
  if (reading.refusedWords.length === 0) return { score: 0, objects: [], warnings };
  return { score: 0, objects: [], warnings: [{ code: 'negation', words: [...reading.refusedWords] }] };
}

/** The words of a query decide whether one thing is meant; where they leave it open the model does. */
function asksForOne({ quantity }: QueryReading, { gate, singular }: RegionScores): boolean {
  if (quantity.count !== undefined) return quantity.count === 1;
  return gate > half && !(quantity.isPlural ?? singular <= half);
}

function calibrationOf(settings: RegionReasonerSettings, kind: ReasonerQueryKind): LogisticCalibration {
  switch (kind) {
    case 'named':
      return settings.named_calibration;
    case 'context':
      return settings.context_calibration;
    case 'described':
      return settings.described_calibration;
  }
}

/** A description is read as a whole, so only words that nobody can know are without meaning in it. */
function wordWarnings(reading: QueryReading, kind: ReasonerQueryKind): Warning[] {
  const unknown = kind === 'described' ? reading.spelledWords : reading.strangeWords;
  const ignored = kind === 'described' ? [] : reading.modifierWords.filter(isUntaughtWord);
  const warnings: Warning[] = [];
  if (unknown.length > 0) warnings.push({ code: 'unknown_words', words: [...unknown] });
  if (ignored.length > 0) warnings.push({ code: 'ignored_words', words: [...ignored] });
  return warnings;
}

function countWarnings({ quantity: { count, countWord } }: QueryReading, found: number): Warning[] {
  if (count === undefined || countWord === undefined || found >= count) return [];
  return [{ code: 'fewer_found', words: [countWord] }];
}
