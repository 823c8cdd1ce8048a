import type { CocoPhoto, CocoSplit } from '@tessera/evaluation';
import {
  bestScores,
  classFeatures,
  type ClassDetector,
  type Detection,
  type SegmentImage,
} from '@tessera/segmentation';
import { calibrationQueries, type CalibrationQuery } from './calibration-queries.js';

/** What the pipeline knows before it decides. */
interface Evidence {
  readonly detections: readonly Detection[];
  readonly queries: readonly {
    /** Whether `described_calibration` takes the features, and not `named_calibration`. */
    readonly isDescribed: boolean;
    /** By class index; nothing for a class that the query cannot mean. */
    readonly features: readonly (readonly number[] | undefined)[];
  }[];
}

/** A training photo with queries about what it shows and what it does not, and what the pipeline makes of them. */
export interface PhotoEvidence {
  readonly photo: CocoPhoto;
  readonly queries: readonly CalibrationQuery[];
  readonly evidence: Evidence;
}

/** Asks about every photo of the training split, by class names and by our training phrases. */
export async function gatherEvidence(
  pipeline: ClassDetector,
  coco: CocoSplit,
  names: readonly string[],
): Promise<PhotoEvidence[]> {
  const queriesAbout = await calibrationQueries(coco, names);
  const photos: PhotoEvidence[] = [];
  for (const photo of coco.photos) {
    const queries = queriesAbout(photo);
    const image = { id: photo.fileName, read: () => coco.readPhoto(photo) };
    const evidence = await evidenceOf(
      pipeline,
      image,
      queries.map(({ text }) => text),
    );
    photos.push({ photo, queries, evidence });
  }
  return photos;
}

async function evidenceOf(
  { vision, language }: ClassDetector,
  image: SegmentImage,
  queries: readonly string[],
): Promise<Evidence> {
  const meanings = await language.matcher.match(queries);
  const detections = await vision.detector.detect(vision.images.open(image));
  const scores = bestScores(detections, language.classCount);
  return {
    detections,
    queries: meanings.map((meaning) => ({
      isDescribed: meaning.similarities !== undefined,
      features: Array.from(scores, (score, classIndex) => classFeatures(meaning)(classIndex, score)),
    })),
  };
}
