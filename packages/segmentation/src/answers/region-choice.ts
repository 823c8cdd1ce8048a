import type { RegionReasonerSettings } from '@tessera/contracts';
import { float32Output, rowsOf } from '@tessera/inference';
import { probability } from '@tessera/runtime';
import type { Reading } from '../language/reading.js';
import type { RegionScores } from '../reasoning/reasoner.js';
import { boxArea, distinctBoxes, type Box } from '../vision/box.js';
import { askedColourProbability } from '../vision/colour-probability.js';
import type { Proposals } from '../vision/proposals.js';
import type { ChosenObject, ObjectChoice } from './choice.js';
import { withoutThose } from './combined-choice.js';
import { chooseByDepth } from './depth-choice.js';
import { detectionFeatures, evidenceFeatures } from './detection-features.js';
import { chooseObjects, classLabel, type ClassRule } from './object-choice.js';

/** A query asks for a class, for one object among its like (`singular`), or for several of these (`context`). */
type QueryKind = 'class' | 'singular' | 'context';

/** A gate above this: the answer depends on more than the class. A colour below it: the object has another one. */
const half = 0.5;

/** The objects of a query, and the numbers that decided whether it has a target. */
export interface RegionChoice extends ObjectChoice {
  readonly kind: QueryKind;
  /** Features of the kind's calibration; undefined for a class, and when no region was a candidate. */
  readonly features: readonly number[] | undefined;
}

/** What a query's objects are chosen from. */
export interface RegionEvidence {
  readonly reading: Reading;
  /** Of the first proposals. */
  readonly regions: RegionScores;
  readonly proposals: Pick<Proposals, 'boxes' | 'detections' | 'scoreTensor'>;
  /** Probability that what is in a box has the colours that the query asks for; 1 when it asks for none. */
  readonly colourOf: (box: Box) => number;
  /** By class index. */
  readonly classNames: readonly string[];
}

/**
 * Chooses the objects of a query. A query for one object gets the best region of those that pass the class channel; one
 * for several gets the distinct regions over the bundle's threshold, the best ones when it has a count. A query for a
 * class needs no reasoning: it gets the detections of its classes, "the dog" each dog; so does one for what is in front
 * or at the back, of which the places decide.
 *
 * @param threshold - least probability at which a target counts as present
 */
export function chooseRegions(
  evidence: RegionEvidence,
  settings: RegionReasonerSettings,
  threshold: number,
): RegionChoice {
  const { reading, proposals } = evidence;
  const kind = queryKind(reading, evidence.regions, settings);
  const choice =
    kind === 'class'
      ? { kind, features: undefined, ...chooseOfClasses(evidence, settings, threshold) }
      : chooseAmongLike(kind, evidence, settings, threshold);
  const excluded = excludedObjects(reading, proposals, settings);
  const objects = withoutThose(choice.objects, excluded, settings.box_overlap_threshold);
  const label = classLabel(reading.classes, evidence.classNames);
  const isEmptied = objects.length === 0 && choice.score >= threshold;
  return {
    label,
    ...choice,
    score: isEmptied ? 0 : choice.score,
    objects,
    excluded: objects.length === 0 ? [] : excluded,
    count: reading.quantity.count,
    warnings: reading.warnings,
  };
}

/** The choice for a query that cannot be answered. */
export function refuseQuery({ warnings }: Reading): ObjectChoice {
  return { score: 0, objects: [], warnings };
}

type Chosen = Pick<RegionChoice, 'kind' | 'features' | 'score' | 'objects'>;

function chooseAmongLike(
  kind: 'singular' | 'context',
  { reading, regions, proposals, colourOf, classNames }: RegionEvidence,
  settings: RegionReasonerSettings,
  threshold: number,
): Chosen {
  const isSingular = kind === 'singular';
  const calibration = isSingular ? settings.singular_calibration : settings.context_calibration;
  const candidates = proposals.boxes
    .flatMap((box, index) => {
      const [score, classLogit] = [regions.scores[index], regions.classLogits[index]];
      const isCandidate = classLogit !== undefined && (!isSingular || classLogit > settings.class_floor);
      if (score === undefined || !isCandidate || boxArea(box) === 0) return [];
      return [{ index, box, score, colour: colourOf(box) }];
    })
    .sort((a, b) => colourRank(b.colour) - colourRank(a.colour) || b.score - a.score);
  const [best] = candidates;
  if (best === undefined) return { kind, features: undefined, score: 0, objects: [] };

  const scoreRows = rowsOf(float32Output({ scores: proposals.scoreTensor }, 'scores'), proposals.boxes.length);
  const presence = logPresence(reading, proposals.boxes, scoreRows, settings);
  const features = [best.score, presence];
  const score = Math.min(probability(calibration, features), askedColourProbability(best.colour));
  if (score < threshold) return { kind, features, score, objects: [] };

  const certain = isSingular
    ? []
    : candidates.filter((candidate) => candidate.score > settings.region_threshold && candidate.colour >= half);
  const limit = Math.min(settings.maximum_objects, reading.quantity.count ?? Number.POSITIVE_INFINITY);
  const chosen = distinctBoxes(certain.length > 0 ? certain : [best], settings.box_overlap_threshold).slice(0, limit);
  const objects = chosen.map((candidate) => ({
    prompt: { box: candidate.box },
    probability: Math.min(
      probability(calibration, [candidate.score, presence]),
      askedColourProbability(candidate.colour),
    ),
    label: regionLabel(scoreRows[candidate.index], reading.classes, classNames),
  }));
  return { kind, features, score, objects };
}

function chooseOfClasses(
  { reading, proposals: { detections }, colourOf, classNames }: RegionEvidence,
  settings: RegionReasonerSettings,
  threshold: number,
): Pick<ObjectChoice, 'score' | 'objects'> {
  // A count, a colour or a depth distinguishes objects of a class: any one may be the target, however low its score.
  const isWholeClass =
    reading.quantity.count === undefined && reading.colours.length === 0 && reading.depth === undefined;
  const ratio = isWholeClass ? settings.object_score_ratio : 0;
  const rule = readingRule(reading, settings);
  const choice = chooseObjects(rule, detections, classNames, { ...settings, object_score_ratio: ratio }, threshold);
  const coloured = choice.objects.map((object) => {
    const colour = object.prompt.box === undefined ? 1 : colourOf(object.prompt.box);
    return { ...object, colour, probability: Math.min(object.probability ?? 1, askedColourProbability(colour)) };
  });
  const colour = Math.max(0, ...coloured.map((own) => own.colour));
  const score = choice.objects.length === 0 ? choice.score : Math.min(choice.score, askedColourProbability(colour));
  // Of several objects that are asked for each may be meant; of one it is the best, and those that surely are like it.
  const asked = reading.quantity.isPlural ? askedColourProbability : (own: number) => own;
  const least = Math.min(asked(colour), Math.max(half, threshold));
  const fitting = coloured.flatMap(({ colour: own, ...object }) => (asked(own) >= least ? [object] : []));
  const placed = chooseByDepth(fitting, reading, detections, settings.detection_threshold);
  return { score, objects: score < threshold ? [] : placed.slice(0, reading.quantity.count) };
}

/** Objects that surely have the colour come before those that may have it, and these before others. */
function colourRank(colour: number): number {
  return Number(colour >= half) + Number(askedColourProbability(colour) >= half);
}

/** A class counts by its detections; one that fits a description less than others only with their share. */
function readingRule({ classes, classWeights, isDescription }: Reading, settings: RegionReasonerSettings): ClassRule {
  const asked = new Set(classes);
  return {
    probabilityOf: (detection) => {
      if (!asked.has(detection.classIndex)) return 0;
      const fit = isDescription ? Math.min(1, (classWeights[detection.classIndex] ?? 0) / half) : 1;
      return fit * probability(settings.named_calibration, detectionFeatures(detection, asked));
    },
    leastShare: isDescription ? settings.class_score_ratio : 0,
  };
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

function queryKind(
  { classes, references, quantity, depth }: Reading,
  { gate }: RegionScores,
  { join_gate: joinGate }: RegionReasonerSettings,
): QueryKind {
  if (depth !== undefined) return 'class';
  if (quantity.count === 1) return 'singular';
  const isJoin = classes.length > 1 && references.length === 0 && quantity.isPlural && quantity.count === undefined;
  if (gate <= (isJoin ? joinGate : half)) return 'class';
  return quantity.isPlural ? 'context' : 'singular';
}

/**
 * Log of the probability that all named objects are there: "the cup next to the laptop" takes a laptop too. By the scores
 * of regions, since an object in the place of a likelier one is no detection of its own.
 */
function logPresence(
  { classes, references }: Reading,
  boxes: readonly Box[],
  scoreRows: readonly Float32Array[],
  settings: RegionReasonerSettings,
): number {
  const logProbabilities = [classes, ...references].map((named) => {
    const asked = new Set(named);
    const inRegions = boxes.map((box, index) =>
      regionPresence(box, scoreRows[index] ?? new Float32Array(), asked, settings),
    );
    return Math.log(Math.max(...inRegions));
  });
  return logProbabilities.reduce((sum, own) => sum + own, 0);
}

/** Probability that what a region shows is of one of these classes. */
function regionPresence(
  box: Box,
  classScores: Float32Array,
  asked: ReadonlySet<number>,
  { named_calibration: calibration }: RegionReasonerSettings,
): number {
  const score = Math.max(...[...asked].map((classIndex) => classScores[classIndex] ?? 0));
  const rivalScore = classScores.reduce((best, own, index) => (asked.has(index) ? best : Math.max(best, own)), 0);
  return probability(calibration, evidenceFeatures({ box, score, rivalScore }));
}

/** The detections of the classes that a query excludes. */
function excludedObjects(
  { excluded }: Reading,
  { detections }: RegionEvidence['proposals'],
  settings: RegionReasonerSettings,
): ChosenObject[] {
  const classes = new Set(excluded);
  const found = detections.filter(
    ({ classIndex, score }) => classes.has(classIndex) && score >= settings.detection_threshold,
  );
  return distinctBoxes(found, settings.box_overlap_threshold)
    .slice(0, settings.maximum_refined_objects)
    .map((detection) => ({
      prompt: { box: detection.box },
      probability: probability(settings.named_calibration, detectionFeatures(detection, classes)),
    }));
}
