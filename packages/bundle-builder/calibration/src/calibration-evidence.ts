import type { CocoPhoto, CocoSplit } from '@tessera/evaluation';
import {
  bestScores,
  namedFeatures,
  similarityFeatures,
  type ClassDetector,
  type Detection,
} from '@tessera/segmentation';
import { calibrationQueries, type CalibrationQuery } from './calibration-queries.js';

/** A query with what the pipeline knows before it decides. */
export interface QueryEvidence extends CalibrationQuery {
  /** By class index: features of `similarity_calibration`. */
  readonly similarity: readonly (readonly number[])[];
  /** Of a class name, by class index: features of `named_calibration`, of the named class alone. */
  readonly named: readonly (readonly number[] | undefined)[];
}

/** A training photo with its detections, and queries about what it shows and what it does not. */
export interface PhotoEvidence {
  readonly photo: CocoPhoto;
  readonly detections: readonly Detection[];
  readonly queries: readonly QueryEvidence[];
}

/** Queries every photo of the training split by class names and by our training phrases. */
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
    const scores = Array.from(bestScores(detections, classNames.length));
    const evidence = queries.map((query, index): QueryEvidence => {
      const features = similarityFeatures(similarities[index] ?? new Float64Array());
      return {
        ...query,
        similarity: scores.map((score, classIndex) => features(classIndex, score)),
        named: scores.map((score, classIndex) =>
          classNames[classIndex] === query.text ? namedFeatures(score) : undefined,
        ),
      };
    });
    photos.push({ photo, detections, queries: evidence });
  }
  return photos;
}
