import type { CocoPhoto, CocoSplit } from '@tessera/evaluation';
import { bestScores, classFeatures, type ClassDetector, type Detection } from '@tessera/segmentation';
import { calibrationQueries, type CalibrationQuery } from './calibration-queries.js';

/** A query with what the pipeline knows before it decides. */
export interface QueryEvidence extends CalibrationQuery {
  /** Whether `described_calibration` takes the features, and not `named_calibration`. */
  readonly isDescribed: boolean;
  /** By class index; nothing for a class that the query cannot mean. */
  readonly features: readonly (readonly number[] | undefined)[];
}

/** A training photo with its detections, and queries about what it shows and what it does not. */
export interface PhotoEvidence {
  readonly photo: CocoPhoto;
  readonly detections: readonly Detection[];
  readonly queries: readonly QueryEvidence[];
}

/** Queries every photo of the training split by class names and by our training phrases. */
export async function gatherEvidence(
  { vision, language }: ClassDetector,
  coco: CocoSplit,
  names: readonly string[],
): Promise<PhotoEvidence[]> {
  const queriesAbout = await calibrationQueries(coco, names);
  const photos: PhotoEvidence[] = [];
  for (const photo of coco.photos) {
    const queries = queriesAbout(photo);
    const meanings = await language.matcher.match(queries.map(({ text }) => text));
    const image = { id: photo.fileName, read: () => coco.readPhoto(photo) };
    const detections = await vision.detector.detect(vision.images.open(image));
    const scores = bestScores(detections, language.classCount);
    const evidence = queries.flatMap((query, index): QueryEvidence[] => {
      const meaning = meanings[index];
      if (meaning === undefined) return [];
      const features = Array.from(scores, (score, classIndex) => classFeatures(meaning)(classIndex, score));
      return [{ ...query, isDescribed: meaning.similarities !== undefined, features }];
    });
    photos.push({ photo, detections, queries: evidence });
  }
  return photos;
}
