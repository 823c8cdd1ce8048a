import type { CocoPhoto, CocoSplit } from '@tessera/evaluation';
import { detectionFeatures, similarityFeatures, type ClassDetector, type Detection } from '@tessera/segmentation';
import type { Candidate, Question } from './calibration-fit.js';
import { calibrationQueries, type CalibrationQuery } from './calibration-queries.js';

/** A training photo with its detections, and questions about what it shows and what it does not. */
export interface PhotoEvidence {
  readonly photo: CocoPhoto;
  readonly detections: readonly Detection[];
  readonly queries: readonly ComparedQuery[];
}

/** A query by a class name or by one of our training phrases. */
interface ComparedQuery extends CalibrationQuery {
  /** With each class. */
  readonly similarities: Float64Array;
}

/** Asks about every photo of the training split. */
export async function gatherEvidence(
  { vision, similarity, classNames }: ClassDetector,
  coco: CocoSplit,
): Promise<PhotoEvidence[]> {
  const queriesAbout = await calibrationQueries(coco, classNames);
  const photos: PhotoEvidence[] = [];
  for (const photo of coco.photos) {
    const queries = queriesAbout(photo);
    const similarities = await similarity.of(queries.map(({ text }) => text));
    const image = { id: photo.fileName, read: () => coco.readPhoto(photo) };
    const detections = await vision.detector.detect(vision.images.open(image));
    photos.push({
      photo,
      detections,
      queries: queries.map((query, index) => ({ ...query, similarities: similarities[index] ?? new Float64Array() })),
    });
  }
  return photos;
}

/** Asks of each class whether a photo shows it; with the features of `named_calibration`. */
export function namedQuestions(
  { photo, detections }: PhotoEvidence,
  coco: CocoSplit,
  classNames: readonly string[],
): Question[] {
  const shown = new Set(photo.annotations.map(({ category_id }) => coco.categories.get(category_id)?.name));
  return classNames.map((name, classIndex): Question => {
    const isShown = shown.has(name);
    const ofClass = detections.filter((detection) => detection.classIndex === classIndex);
    const asked = new Set([classIndex]);
    return {
      hasTarget: isShown,
      candidates: ofClass.map((detection) => ({ features: detectionFeatures(detection, asked), isRight: isShown })),
    };
  });
}

/** A class that the detector found nowhere. */
const notFound = { score: 0 } as const;

/** A photo's queries with the features of `similarity_calibration`: of each class its best detection. */
export function similarityQuestions({ detections, queries }: PhotoEvidence): Question[] {
  return queries.map(({ targets, similarities }): Question => {
    const features = similarityFeatures(similarities);
    const candidates = Array.from(similarities, (_, classIndex): Candidate => {
      const ofClass = detections.filter((detection) => detection.classIndex === classIndex).map(features);
      const [best = features({ ...notFound, classIndex })] = ofClass.sort(([a = 0], [b = 0]) => b - a);
      return { features: best, isRight: targets.includes(classIndex) };
    });
    return { hasTarget: targets.length > 0, candidates };
  });
}
