import type { ClassDetectorSettings, RegionReasonerSettings } from '@tessera/contracts';
import { probability } from '@tessera/runtime';
import { distinctBoxes } from '../vision/box.js';
import { bestScores, type Detection } from '../vision/detections.js';
import type { ObjectChoice } from './choice.js';
import { scoreLogit } from './logistic.js';

/** Which detections answer a query. */
export interface ClassRule {
  /** Probability that a class with a detector score is a target; 0 when it is no candidate. */
  readonly probabilityOf: (classIndex: number, score: number) => number;
  /** Of the candidates, only classes with this share of the best one's probability are taken; 0 for all. */
  readonly leastShare: number;
}

/** The settings that both pipelines have. */
type ChoiceSettings = Pick<RegionReasonerSettings, 'detection_threshold' | 'box_overlap_threshold' | 'maximum_objects'>;

/**
 * Chooses the detections of a query's classes, best first: of each class those that are certain, or its best one. So the
 * answer to "the cat and the dog" is that to "the cat" with that to "the dog".
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
  const bestScore = bestScores(detections, classNames.length);
  const best = Array.from(bestScore, (own, index) => probabilityOf(index, own));
  const score = Math.max(0, ...best);
  if (score < threshold) return { score, objects: [] };
  const least = leastShare === 0 ? 0 : Math.max(threshold, score * leastShare);
  const isChosen = ({ classIndex, score: own }: Detection): boolean => {
    const value = best[classIndex] ?? 0;
    if (value === 0 || value < least) return false;
    return own >= settings.detection_threshold || (value >= threshold && own === bestScore[classIndex]);
  };
  const chosen = detections.filter(isChosen).sort((a, b) => b.score - a.score);
  const objects = distinctBoxes(chosen, settings.box_overlap_threshold)
    .slice(0, settings.maximum_objects)
    .map(({ box, classIndex, score: own }) => ({
      prompt: { box },
      probability: probabilityOf(classIndex, own),
      label: classNames[classIndex],
    }));
  return { score: objects.length === 0 ? 0 : score, objects };
}

/** The names of classes as the label of an answer; none for no class. */
export function classLabel(classes: readonly number[], classNames: readonly string[]): string | undefined {
  const names = classes.flatMap((index) => classNames[index] ?? []);
  return names.length === 0 ? undefined : [...new Set(names)].join(', ');
}

/**
 * Features of a class for its calibration: logit of the class's detector score, its similarity with the query, and how
 * far that is below the most similar class's.
 *
 * @param similarities - of the query with each class
 */
export function similarityFeatures(similarities: Float64Array): (classIndex: number, score: number) => number[] {
  const highest = Math.max(...similarities);
  return (classIndex, score) => {
    const similarity = similarities[classIndex] ?? -1;
    return [scoreLogit(score), similarity, highest - similarity];
  };
}

/** Features of a class that a query names for its calibration: logit of the class's detector score. */
export function namedFeatures(score: number): number[] {
  return [scoreLogit(score)];
}

/** A class counts by its detector score and its similarity: of two classes that fit, the one in the picture is taken. */
export function similarityRule(similarities: Float64Array, settings: ClassDetectorSettings): ClassRule {
  const features = similarityFeatures(similarities);
  return {
    probabilityOf: (classIndex, score) => probability(settings.similarity_calibration, features(classIndex, score)),
    leastShare: settings.class_score_ratio,
  };
}
