import { finiteOutput, int64Output } from '@tessera/inference';
import { boxArea, boxOverlap, type Box } from './box.js';
import type { DetectedView, DetectorReader } from './detector.js';
import type { ViewPlace } from './image-views.js';
import { mergeViews, placeInImage } from './view-merging.js';

/** A class with its detector score, in [0, 1]; not a probability. */
export interface ClassScore {
  readonly classIndex: number;
  readonly score: number;
}

/** A peak of the detector. */
export interface ScoredBox extends ClassScore {
  readonly box: Box;
}

/** A peak of the detector, and what else it may be. */
export interface Detection extends ScoredBox {
  /** The other classes that were found in nearly the same box, best first. */
  readonly rivals: readonly ClassScore[];
}

/** Boxes above this IoU are taken to show one object. Chosen on training photos; 0.5 and 0.7 do nearly as well. */
const sameObjectOverlap = 0.6;

/** The detector's peaks; those without area are left out. */
export const detectionReader: DetectorReader<readonly Detection[]> = {
  outputs: ['boxes', 'scores', 'classes'],
  read: (views) =>
    withRivals(mergeDetections(views.map(({ outputs, place }) => ({ found: detectionsOf(outputs), place })))),
};

function detectionsOf(outputs: DetectedView['outputs']): ScoredBox[] {
  return readDetections(
    finiteOutput(outputs, 'boxes'),
    finiteOutput(outputs, 'scores'),
    int64Output(outputs, 'classes'),
  );
}

/** The detections in an image, by those in its views. */
function mergeDetections(
  views: readonly { readonly found: readonly ScoredBox[]; readonly place: ViewPlace }[],
): readonly ScoredBox[] {
  const seen = views.flatMap(({ found, place }, view) =>
    found.map((detection) => ({
      ...detection,
      ...placeInImage(detection.box, place),
      score: detection.score * place.scoreWeight,
      view,
    })),
  );
  const merged = mergeViews(seen, (one, other) => one.classIndex === other.classIndex);
  return merged.filter(({ box }) => boxArea(box) > 0).map(({ box, classIndex, score }) => ({ box, classIndex, score }));
}

/** The boxes of a detector run: `boxes` `[N, 4]`, `scores` `[N]`, `classes` `[N]`; those without area are left out. */
export function readDetections(boxes: Float32Array, scores: Float32Array, classes: readonly number[]): ScoredBox[] {
  const detections: ScoredBox[] = [];
  for (const [index, classIndex] of classes.entries()) {
    const [x0 = 0, y0 = 0, x1 = 0, y1 = 0] = boxes.subarray(4 * index, 4 * index + 4);
    const score = scores[index] ?? 0;
    if (x1 > x0 && y1 > y0 && score > 0) detections.push({ box: [x0, y0, x1, y1], classIndex, score });
  }
  return detections;
}

/** Gives each box the other classes that were found in nearly the same one. */
function withRivals(found: readonly ScoredBox[]): Detection[] {
  return found.map((own) => {
    const rivals = found
      .filter(({ classIndex, box }) => classIndex !== own.classIndex && boxOverlap(box, own.box) > sameObjectOverlap)
      .map(({ classIndex, score }) => ({ classIndex, score }))
      .sort((a, b) => b.score - a.score);
    return { ...own, rivals };
  });
}
