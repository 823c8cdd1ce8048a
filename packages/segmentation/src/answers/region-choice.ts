import type { RegionReasonerSettings, Warning } from '@tessera/contracts';
import { float32Output, rowsOf } from '@tessera/inference';
import { boxArea, distinctBoxes } from '../vision/box.js';
import type { Proposals } from '../vision/proposals.js';
import type { ObjectChoice } from './choice.js';
import { probability, scoreLogit } from './logistic.js';
import { chooseObjects, classLabel } from './object-choice.js';
import type { QueryMeaning, QueryReading } from '../language/query-matcher.js';
import type { RegionScores } from '../reasoning/reasoner.js';

type ChoiceProposals = Pick<Proposals, 'boxes' | 'detections' | 'classScores' | 'scoreTensor'>;

/** A query asks for a class, for one object among its like (`singular`), or for several of these (`context`). */
type QueryKind = 'class' | 'singular' | 'context';

/** A gate above this: the answer depends on more than the class. `singular` above it: the target is one object. */
const half = 0.5;

/** The objects of a query, and the numbers that decided whether it has a target. */
export interface RegionChoice extends ObjectChoice {
  readonly kind: QueryKind;
  /** Features of the kind's calibration; undefined for a class, and when no region was a candidate. */
  readonly features: readonly number[] | undefined;
}

/**
 * Chooses the objects of a query. A query for one object gets the best region of those that pass the class channel; one
 * for several gets the distinct regions over the bundle's threshold, the best ones when it has a count. A query for a
 * class needs no reasoning: it gets the detections of its classes, as in `class-detector`, "the dog" each dog.
 *
 * @param regions - of the first proposals
 * @param classNames - by class index
 * @param threshold - least probability at which a target counts as present
 */
export function chooseRegions(
  meaning: QueryMeaning,
  regions: RegionScores,
  proposals: ChoiceProposals,
  classNames: readonly string[],
  settings: RegionReasonerSettings,
  threshold: number,
): RegionChoice {
  const kind = queryKind(meaning, regions);
  if (kind === 'class') return chooseOfClasses(meaning, proposals, classNames, settings, threshold);
  const isSingular = kind === 'singular';
  const calibration = isSingular ? settings.singular_calibration : settings.context_calibration;
  const candidates = proposals.boxes
    .flatMap((box, index) => {
      const [score, classLogit] = [regions.scores[index], regions.classLogits[index]];
      const isCandidate = classLogit !== undefined && (!isSingular || classLogit > settings.class_floor);
      return score === undefined || !isCandidate || boxArea(box) === 0 ? [] : [{ index, box, score }];
    })
    .sort((a, b) => b.score - a.score);
  const warnings = wordWarnings(meaning);
  const label = classLabel(meaning.classes, classNames);
  const [best] = candidates;
  if (best === undefined) return { kind, features: undefined, score: 0, label, objects: [], warnings };

  const presence = logPresence(meaning, proposals.classScores, settings);
  const features = [best.score, presence];
  const score = probability(calibration, features);
  if (score < threshold) return { kind, features, score, label, objects: [], warnings };

  const scoreRows = rowsOf(float32Output({ scores: proposals.scoreTensor }, 'scores'), proposals.boxes.length);
  const certain = isSingular ? [] : candidates.filter((candidate) => candidate.score > settings.region_threshold);
  const limit = Math.min(settings.maximum_objects, meaning.quantity.count ?? Number.POSITIVE_INFINITY);
  const chosen = distinctBoxes(certain.length > 0 ? certain : [best], settings.box_overlap_threshold).slice(0, limit);
  return {
    kind,
    features,
    score,
    label,
    objects: chosen.map((candidate) => ({
      prompt: { box: candidate.box },
      probability: probability(calibration, [candidate.score, presence]),
      label: regionLabel(scoreRows[candidate.index], meaning.classes, classNames),
    })),
    warnings: [...warnings, ...countWarnings(meaning, chosen.length)],
  };
}

function chooseOfClasses(
  meaning: QueryMeaning,
  { detections }: ChoiceProposals,
  classNames: readonly string[],
  settings: RegionReasonerSettings,
  threshold: number,
): RegionChoice {
  const choice = chooseObjects(meaning, detections, classNames, settings, threshold);
  const objects = choice.objects.slice(0, meaning.quantity.count);
  const missing = objects.length === 0 ? [] : countWarnings(meaning, objects.length);
  const warnings = meaning.similarities === undefined ? wordWarnings(meaning) : choice.warnings;
  return { kind: 'class', features: undefined, ...choice, objects, warnings: [...warnings, ...missing] };
}

/** The name of the class that a region fits best, of those that the query names. */
function regionLabel(
  scores: Float32Array | undefined,
  [first, ...others]: readonly number[],
  classNames: readonly string[],
): string | undefined {
  if (first === undefined) return undefined;
  return classNames[
    others.reduce((best, other) => ((scores?.[other] ?? 0) > (scores?.[best] ?? 0) ? other : best), first)
  ];
}

/** The choice for a query without meaning, or with an exclusion that cannot be answered. */
export function refuseQuery({ refusedWords, unknownWords, text }: QueryReading): ObjectChoice {
  if (refusedWords.length > 0) {
    return { score: 0, objects: [], warnings: [{ code: 'negation', words: [...refusedWords] }] };
  }
  // "Find it": every word is known, and together they name nothing.
  const words = unknownWords.length > 0 ? unknownWords : new Set(text.split(' '));
  return { score: 0, objects: [], warnings: [{ code: 'unknown_words', words: [...words] }] };
}

function queryKind({ quantity, similarities }: QueryMeaning, { gate, singular }: RegionScores): QueryKind {
  if (similarities !== undefined) return 'class'; // a description names no class to choose among
  // The words decide between one object and several; where they leave it open the model does.
  const isSingular =
    quantity.count === undefined ? gate > half && !(quantity.isPlural ?? singular <= half) : quantity.count === 1;
  if (isSingular) return 'singular';
  return gate > half ? 'context' : 'class';
}

/**
 * Log of the probability that all named objects are there: "the cup next to the laptop" takes a laptop too. By the scores
 * of regions, since an object in the place of a likelier one is no detection of its own.
 */
function logPresence(
  { classes, referenceObjects }: QueryReading,
  classScores: Float32Array,
  { named_calibration: calibration }: RegionReasonerSettings,
): number {
  const logProbabilities = [classes, ...referenceObjects].map((named) => {
    const highest = Math.max(...named.map((index) => classScores[index] ?? 0));
    return Math.log(probability(calibration, [scoreLogit(highest)]));
  });
  return logProbabilities.reduce((sum, own) => sum + own, 0);
}

/** Of a query that names classes. */
function wordWarnings({ unknownWords, untrainedWords }: QueryReading): Warning[] {
  const warnings: Warning[] = [];
  if (unknownWords.length > 0) warnings.push({ code: 'unknown_words', words: [...unknownWords] });
  if (untrainedWords.length > 0) warnings.push({ code: 'ignored_words', words: [...untrainedWords] });
  return warnings;
}

function countWarnings({ quantity: { count, countWord } }: QueryReading, found: number): Warning[] {
  if (count === undefined || countWord === undefined || found >= count) return [];
  return [{ code: 'fewer_found', words: [countWord] }];
}
