import type { ClassDetectorSettings, Warning } from '@tessera/contracts';
import { distinctBoxes } from '../vision/box.js';
import { bestScores, type Detection } from '../vision/detections.js';
import type { ObjectChoice } from './choice.js';
import { probability, scoreLogit } from './logistic.js';
import type { QueryMeaning } from '../language/query-matcher.js';

/** The detector score of an object that is there beyond doubt. */
const certainScore = 0.9;

/**
 * Chooses the detections of a query's classes. A named class counts by its detector score alone, a described
 * one by its score and its similarity, so that of two classes that fit the words the one in the picture is taken.
 *
 * @param classNames - by class index
 * @param threshold - least probability at which a target counts as present
 */
export function chooseObjects(
  meaning: QueryMeaning,
  detections: readonly Detection[],
  classNames: readonly string[],
  settings: ClassDetectorSettings,
  threshold: number,
): ObjectChoice {
  const probabilityOf = classProbability(meaning, settings);
  const best = Array.from(bestScores(detections, classNames.length), (score, index) => probabilityOf(index, score));
  const score = Math.max(0, ...best);
  const isUnderstood =
    meaning.similarities === undefined || best.some((_, index) => probabilityOf(index, certainScore) >= 0.5);
  const warnings = warningsOf(meaning, isUnderstood);
  const label = classLabel(meaning.classes, classNames);
  if (score < threshold) return { score, label, objects: [], warnings };

  const leastClassProbability = Math.max(threshold, score * settings.class_score_ratio);
  const isChosen = best.map((value) => value > 0 && value >= (meaning.similarities ? leastClassProbability : 0));
  const candidates = detections.filter(({ classIndex }) => isChosen[classIndex] === true);
  const certain = candidates.filter((detection) => detection.score >= settings.detection_threshold);
  const chosen = [...(certain.length > 0 ? certain : candidates.slice(0, 1))].sort((a, b) => b.score - a.score);
  const objects = distinctBoxes(chosen, settings.box_overlap_threshold)
    .slice(0, settings.maximum_objects)
    .map(({ box, classIndex, score: own }) => ({
      prompt: { box },
      probability: probabilityOf(classIndex, own),
      label: classNames[classIndex],
    }));
  return { score: objects.length === 0 ? 0 : score, label, objects, warnings };
}

/** The names of classes as the label of an answer; none for no class. */
export function classLabel(classes: readonly number[], classNames: readonly string[]): string | undefined {
  const names = classes.flatMap((index) => classNames[index] ?? []);
  return names.length === 0 ? undefined : [...new Set(names)].join(', ');
}

/**
 * Features of a class for its calibration: logit of the class's detector score, and for a
 * description also its similarity and how far that is below the most similar candidate's.
 *
 * @returns undefined when the class is no candidate
 */
export function classFeatures({
  classes,
  similarities,
}: QueryMeaning): (classIndex: number, score: number) => number[] | undefined {
  const named = new Set(classes);
  if (similarities === undefined) {
    return (classIndex, score) => (named.has(classIndex) ? [scoreLogit(score)] : undefined);
  }
  const isCandidate = (index: number): boolean => named.size === 0 || named.has(index);
  const highest = Math.max(...similarities.filter((_, index) => isCandidate(index)));
  return (classIndex, score) => {
    const similarity = similarities[classIndex];
    if (similarity === undefined || !isCandidate(classIndex)) return undefined;
    return [scoreLogit(score), similarity, highest - similarity];
  };
}

/** Probability that a class with a detector score is a target; 0 when it is no candidate. */
function classProbability(
  meaning: QueryMeaning,
  settings: ClassDetectorSettings,
): (classIndex: number, score: number) => number {
  const featuresOf = classFeatures(meaning);
  const calibration = meaning.similarities === undefined ? settings.named_calibration : settings.described_calibration;
  return (classIndex, score) => {
    const features = featuresOf(classIndex, score);
    return features === undefined ? 0 : probability(calibration, features);
  };
}

/**
 * Beside a named class every other word is unused. A description is compared as a whole: when it fits a class, only words
 * without a meaning and placements are unused.
 */
function warningsOf(meaning: QueryMeaning, isUnderstood: boolean): Warning[] {
  const isDescribed = meaning.similarities !== undefined;
  const unknown = isDescribed && isUnderstood ? meaning.spelledWords : meaning.unknownWords;
  const ignored = isDescribed ? meaning.placementWords : meaning.modifierWords;
  const warnings: Warning[] = [];
  if (unknown.length > 0) warnings.push({ code: 'unknown_words', words: [...unknown] });
  if (ignored.length > 0) warnings.push({ code: 'ignored_words', words: [...ignored] });
  return warnings;
}
