import type { RegionReasonerSettings, Warning } from '@tessera/contracts';
import { boxArea, distinctBoxes, type Box } from '../vision/box.js';
import type { Detection } from '../vision/detections.js';
import type { ObjectChoice } from './choice.js';
import { probability, scoreLogit } from './logistic.js';
import { chooseObjects } from './object-choice.js';
import type { QueryMeaning, QueryReading } from '../language/query-matcher.js';
import type { RegionScores } from '../language/reasoner.js';
import { isUntaughtWord } from '../language/word-kinds.js';

/**
 * How a query asks for its things: for a class and nothing more, for one thing that it tells from others, or for several
 * such things.
 */
type QueryKind = 'class' | 'singular' | 'context';

/** Above this the gate says that the answer depends on more than the class, and `singular` that one thing is meant. */
const half = 0.5;

/** What a query found, and the numbers that decided whether it has a target. */
export interface RegionChoice extends ObjectChoice {
  readonly kind: QueryKind;
  /** Features of the kind's calibration; nothing for a class, and when no region came into question. */
  readonly features: readonly number[] | undefined;
}

/** What the detector found: regions of any class, of which the first were scored, and detections of each class. */
interface FoundThings {
  readonly boxes: readonly Box[];
  readonly detections: readonly Detection[];
  /** The highest score that a region has of each class, in [0, 1]. */
  readonly classScores: Float32Array;
}

/**
 * Chooses what a query means. A query for one thing gets the best region of those that pass the class channel; one for
 * several the distinct regions over the bundle's threshold, the best ones when it says how many. A query for a class and
 * nothing more needs no reasoning: it gets the detections of its classes, as in `class-detector`. "The dog" alone is such
 * a query: where several are, it means each.
 *
 * @param threshold - least probability at which a target counts as present
 */
export function chooseRegions(
  meaning: QueryMeaning,
  regions: RegionScores,
  found: FoundThings,
  settings: RegionReasonerSettings,
  threshold: number,
): RegionChoice {
  const kind = queryKind(meaning, regions);
  if (kind === 'class') return chooseOfClasses(meaning, found, settings, threshold);
  const isSingular = kind === 'singular';
  const calibration = isSingular ? settings.singular_calibration : settings.context_calibration;
  const candidates = found.boxes
    .flatMap((box, index) => {
      const [score, classLogit] = [regions.scores[index], regions.classLogits[index]];
      const isMeant = classLogit !== undefined && (!isSingular || classLogit > settings.class_floor);
      return score === undefined || !isMeant || boxArea(box) === 0 ? [] : [{ box, score }];
    })
    .sort((a, b) => b.score - a.score);
  const warnings = wordWarnings(meaning);
  const [best] = candidates;
  if (best === undefined) return { kind, features: undefined, score: 0, objects: [], warnings };

  const thingsLogChance = namedThingsLogChance(meaning, found.classScores, settings);
  const features = [best.score, thingsLogChance];
  const score = probability(calibration, features);
  if (score < threshold) return { kind, features, score, objects: [], warnings };

  const certain = isSingular ? [] : candidates.filter((candidate) => candidate.score > settings.region_threshold);
  const limit = Math.min(settings.maximum_objects, meaning.quantity.count ?? Number.POSITIVE_INFINITY);
  const chosen = distinctBoxes(certain.length > 0 ? certain : [best], settings.box_overlap_threshold).slice(0, limit);
  return {
    kind,
    features,
    score,
    objects: chosen.map((candidate) => ({
      prompt: { box: candidate.box },
      probability: probability(calibration, [candidate.score, thingsLogChance]),
    })),
    warnings: [...warnings, ...countWarnings(meaning, chosen.length)],
  };
}

function chooseOfClasses(
  meaning: QueryMeaning,
  { detections, classScores }: FoundThings,
  settings: RegionReasonerSettings,
  threshold: number,
): RegionChoice {
  const choice = chooseObjects(meaning, detections, classScores.length, settings, threshold);
  const objects = choice.objects.slice(0, meaning.quantity.count);
  const missing = objects.length === 0 ? [] : countWarnings(meaning, objects.length);
  const warnings = meaning.similarities === undefined ? wordWarnings(meaning) : choice.warnings;
  return { kind: 'class', features: undefined, ...choice, objects, warnings: [...warnings, ...missing] };
}

/** The choice for a query that the reasoner is not asked: it says nothing, or excludes what cannot be excluded. */
export function refuseQuery({ refusedWords, strangeWords, text }: QueryReading): ObjectChoice {
  if (refusedWords.length > 0) {
    return { score: 0, objects: [], warnings: [{ code: 'negation', words: [...refusedWords] }] };
  }
  // "Find it": every word is known, and together they name nothing.
  const words = strangeWords.length > 0 ? strangeWords : new Set(text.split(' '));
  return { score: 0, objects: [], warnings: [{ code: 'unknown_words', words: [...words] }] };
}

function queryKind({ quantity, similarities }: QueryMeaning, { gate, singular }: RegionScores): QueryKind {
  if (similarities !== undefined) return 'class'; // a description names no thing that could be told from its like
  // The words decide whether one thing is meant; where they leave it open the model does.
  const isSingular =
    quantity.count === undefined ? gate > half && !(quantity.isPlural ?? singular <= half) : quantity.count === 1;
  if (isSingular) return 'singular';
  return gate > half ? 'context' : 'class';
}

/**
 * Log of the chance that all things are there which a query names: "the cup next to the laptop" takes a laptop too. The
 * regions are asked, since a thing that shares its place with a likelier one is no detection of its own.
 */
function namedThingsLogChance(
  { classes, otherThings }: QueryReading,
  classScores: Float32Array,
  { named_calibration: calibration }: RegionReasonerSettings,
): number {
  const logChances = [classes, ...otherThings].map((named) => {
    const highest = Math.max(...named.map((index) => classScores[index] ?? 0));
    return Math.log(probability(calibration, [scoreLogit(highest)]));
  });
  return logChances.reduce((sum, own) => sum + own, 0);
}

/** Of a query that names its things. */
function wordWarnings({ strangeWords, modifierWords }: QueryReading): Warning[] {
  const ignored = modifierWords.filter(isUntaughtWord);
  const warnings: Warning[] = [];
  if (strangeWords.length > 0) warnings.push({ code: 'unknown_words', words: [...strangeWords] });
  if (ignored.length > 0) warnings.push({ code: 'ignored_words', words: [...ignored] });
  return warnings;
}

function countWarnings({ quantity: { count, countWord } }: QueryReading, found: number): Warning[] {
  if (count === undefined || countWord === undefined || found >= count) return [];
  return [{ code: 'fewer_found', words: [countWord] }];
}
