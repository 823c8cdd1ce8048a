import type { CocoPhoto, CocoSplit } from '@tessera/evaluation';
import type { ClassDetectorSegmenter, Evidence } from '@tessera/segmentation';
import { calibrationQueries, type CalibrationQuery } from './calibration-queries.js';

/** A training photo with queries about what it shows and what it does not, and what the pipeline makes of them. */
export interface PhotoEvidence {
  readonly photo: CocoPhoto;
  readonly queries: readonly CalibrationQuery[];
  readonly evidence: Evidence;
}

/** Asks about every photo of the training split, by class names and by our training phrases. */
export async function gatherEvidence(
  segmenter: ClassDetectorSegmenter,
  coco: CocoSplit,
  names: readonly string[],
): Promise<PhotoEvidence[]> {
  const queriesAbout = await calibrationQueries(coco, names);
  const photos: PhotoEvidence[] = [];
  for (const photo of coco.photos) {
    const queries = queriesAbout(photo);
    const image = { id: photo.fileName, read: () => coco.readPhoto(photo) };
    const texts = queries.map(({ text }) => text);
    photos.push({ photo, queries, evidence: await segmenter.evidence(image, texts) });
  }
  return photos;
}
