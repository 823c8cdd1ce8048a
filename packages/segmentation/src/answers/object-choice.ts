import type { ClassDetectorSettings, RegionReasonerSettings } from '@tessera/contracts';
import { logOdds, probability } from '@tessera/runtime';
import { distinctBoxes } from '../vision/box.js';
import type { Detection } from '../vision/detections.js';
import type { ObjectChoice } from './choice.js';
import { detectionFeatures } from './detection-features.js';

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
  'detection_threshold' | 'object_score_ratio' | 'box_overlap_threshold' | 'maximum_objects'
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
  const best = new Map<number, (typeof candidates)[number]>();
  for (const candidate of candidates) {
    if (!best.has(candidate.classIndex)) best.set(candidate.classIndex, candidate);
  }
  const least = Math.max(threshold, score * leastShare);
  const chosen = candidates.filter((candidate) => {
    const first = best.get(candidate.classIndex);
    if (first === undefined || first.probability < least) return false;
    return (
      candidate === first ||
      candidate.score >= Math.max(settings.detection_threshold, settings.object_score_ratio * first.score)
    );
  });
  const objects = distinctBoxes(chosen, settings.box_overlap_threshold)
    .slice(0, settings.maximum_objects)
    .map(({ box, classIndex, probability: own }) => ({
      prompt: { box },
      probability: own,
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
 * Features of a detection for its calibration: log-odds that it is of its class, its class's similarity with the query,
 * and how far that is below the most similar class's.
 *
 * @param similarities - of the query with each class
 */
export function similarityFeatures(
  similarities: Float64Array,
  { named_calibration: calibration }: Pick<ClassDetectorSettings, 'named_calibration'>,
): (detection: Detection) => number[] {
  const highest = Math.max(...similarities);
  return (detection) => {
    const similarity = similarities[detection.classIndex] ?? -1;
    const presence = logOdds(calibration, detectionFeatures(detection, new Set([detection.classIndex])));
    return [presence, similarity, highest - similarity];
  };
}

/** A detection counts by its class's similarity, too: of two classes that fit, the one in the picture is taken. */
export function similarityRule(similarities: Float64Array, settings: ClassDetectorSettings): ClassRule {
  const features = similarityFeatures(similarities, settings);
  return {
    probabilityOf: (detection) => probability(settings.similarity_calibration, features(detection)),
    leastShare: settings.class_score_ratio,
  };
}
