import type { ClassDetectorSettings, RegionReasonerSettings } from '@tessera/contracts';
import { probability } from '@tessera/runtime';
import { distinctBoxes } from '../vision/box.js';
import type { ClassScore, Detection } from '../vision/detections.js';
import type { ObjectChoice } from './choice.js';
import { scoreLogit } from './logistic.js';

/** Which detections answer a query. */
export interface ClassRule {
  /** Probability that a detection is a target; 0 when its class is no candidate. */
  readonly probabilityOf: (detection: Detection) => number;
  /** Of the candidates, only classes with this share of the best one's probability are taken; 0 for all that are present. */
  readonly leastShare: number;
}

/** The settings that both pipelines have. */
type ChoiceSettings = Pick<
  RegionReasonerSettings,
  'detection_threshold' | 'object_score_ratio' | 'crowd_size' | 'box_overlap_threshold' | 'maximum_objects'
>;

/**
 * Chooses the detections of a query's classes, best first: of each class that is present the best one and those that are
 * about as certain. So the answer to "the cat and the dog" is that to "the cat" with that to "the dog".
 *
 * @param classNames - by class index
 * @param threshold - least probability at which a target counts as present
 */
export function chooseObjects(
  { probabilityOf, leastShare }: ClassRule,
  detections: readonly Detection[],
  classNames: readonly string[],
  settings: ChoiceSettings,
  threshold: number,
): Omit<ObjectChoice, 'warnings'> {
  const candidates = detections
    .map((detection) => ({ ...detection, probability: probabilityOf(detection) }))
    .filter((candidate) => candidate.probability > 0)
    .sort((a, b) => b.probability - a.probability);
  const score = candidates[0]?.probability ?? 0;
  if (score < threshold) return { score, objects: [] };
  const least = Math.max(threshold, score * leastShare);
  const present = new Set(candidates.filter((own) => own.probability >= least).map(({ classIndex }) => classIndex));
  const ofPresent = [...present].map((index) => candidates.filter(({ classIndex }) => classIndex === index));
  const chosen = ofPresent
    .flatMap((ofClass) => objectsOfClass(ofClass, settings))
    .sort((a, b) => b.probability - a.probability);
  const objects = distinctBoxes(chosen, settings.box_overlap_threshold)
    .slice(0, settings.maximum_objects)
    .map(({ box, classIndex, probability: own }) => ({
      prompt: { box },
      probability: own,
      label: classNames[classIndex],
    }));
  return { score: objects.length === 0 ? 0 : score, objects };
}

/** The best detection of a class, and those that are about as certain. */
function objectsOfClass<Candidate extends Pick<Detection, 'score'>>(
  [first, ...others]: readonly Candidate[],
  { detection_threshold: leastScore, object_score_ratio: ratio, crowd_size: crowdSize }: ChoiceSettings,
): Candidate[] {
  if (first === undefined) return [];
  const found = others.filter(({ score }) => score >= leastScore);
  if (found.length >= crowdSize) return [first, ...found];
  return [first, ...found.filter(({ score }) => score >= ratio * first.score)];
}

/** The names of classes as the label of an answer; none for no class. */
export function classLabel(classes: readonly number[], classNames: readonly string[]): string | undefined {
  const names = classes.flatMap((index) => classNames[index] ?? []);
  return names.length === 0 ? undefined : [...new Set(names)].join(', ');
}

/**
 * Features of a detection for its calibration: logit of its score, its class's similarity with the query, and how far that
 * is below the most similar class's.
 *
 * @param similarities - of the query with each class
 */
export function similarityFeatures(similarities: Float64Array): (detection: ClassScore) => number[] {
  const highest = Math.max(...similarities);
  return ({ classIndex, score }) => {
    const similarity = similarities[classIndex] ?? -1;
    return [scoreLogit(score), similarity, highest - similarity];
  };
}

/** A detection counts by its class's similarity, too: of two classes that fit, the one in the picture is taken. */
export function similarityRule(similarities: Float64Array, settings: ClassDetectorSettings): ClassRule {
  const features = similarityFeatures(similarities);
  return {
    probabilityOf: (detection) => probability(settings.similarity_calibration, features(detection)),
    leastShare: settings.class_score_ratio,
  };
}
