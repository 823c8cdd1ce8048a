import { float32Output, int64Output } from '@tessera/inference';
import { boxArea, type Box } from './box.js';
import type { DetectedView, DetectorReader } from './detector.js';
import type { ViewPlace } from './image-views.js';
import { mergeViews, placeInImage } from './view-merging.js';

/** A peak of the detector. */
export interface Detection {
  readonly box: Box;
  readonly classIndex: number;
  /** Of the detector, in [0, 1]; not a probability. */
  readonly score: number;
}

/** The detector's peaks; those without area are left out. */
export const detectionReader: DetectorReader<readonly Detection[]> = {
  outputs: ['boxes', 'scores', 'classes'],
  read: (views) => mergeDetections(views.map(({ outputs, place }) => ({ found: detectionsOf(outputs), place }))),
};

function detectionsOf(outputs: DetectedView['outputs']): Detection[] {
  return readDetections(
    float32Output(outputs, 'boxes'),
    float32Output(outputs, 'scores'),
    int64Output(outputs, 'classes'),
  );
}

/** The detections in an image, by those in its views. */
function mergeDetections(
  views: readonly { readonly found: readonly Detection[]; readonly place: ViewPlace }[],
): readonly Detection[] {
  const [only] = views;
  if (only !== undefined && views.length === 1) return only.found;
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
export function readDetections(boxes: Float32Array, scores: Float32Array, classes: readonly number[]): Detection[] {
  const detections: Detection[] = [];
  for (const [index, classIndex] of classes.entries()) {
    const [x0 = 0, y0 = 0, x1 = 0, y1 = 0] = boxes.subarray(4 * index, 4 * index + 4);
    const score = scores[index] ?? 0;
    if (x1 > x0 && y1 > y0 && score > 0) detections.push({ box: [x0, y0, x1, y1], classIndex, score });
  }
  return detections;
}

/** The highest detector score of each class, `[classCount]`, 0 without a detection. */
export function bestScores(detections: readonly Detection[], classCount: number): Float64Array {
  const best = new Float64Array(classCount);
  for (const { classIndex, score } of detections) best[classIndex] = Math.max(best[classIndex] ?? 0, score);
  return best;
}
