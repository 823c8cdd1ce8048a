import { finiteOutput, rowsOf, type HostTensor } from '@tessera/inference';
import type { Box } from './box.js';
import { detectionReader, type Detection } from './detections.js';
import type { DetectedView, DetectorReader } from './detector.js';
import { mergeViews, placeInImage } from './view-merging.js';

/** The detector's proposals of any class, best first, and its detections of each class. */
export interface Proposals {
  /** For a graph that goes on from there: `[n, 4]` and `[n, classes]`, with as many rows as the detector gives of a view. */
  readonly boxTensor: HostTensor;
  readonly scoreTensor: HostTensor;
  /** In shares of the image's width and height; some may have no area. */
  readonly boxes: readonly Box[];
  /** The highest class score of each, in [0, 1]. */
  readonly objectness: Float32Array;
  readonly detections: readonly Detection[];
}

/** A region that may be an object. */
interface Region {
  readonly box: Box;
  readonly classScores: Float32Array;
}

export const proposalReader: DetectorReader<Proposals> = {
  outputs: ['region_boxes', 'region_class_scores', ...detectionReader.outputs],
  read(views) {
    const regions = mergeRegions(views);
    const classCount = regions[0]?.classScores.length ?? 0;
    const scores = new Float32Array(regions.length * classCount);
    for (const [index, { classScores }] of regions.entries()) scores.set(classScores, index * classCount);
    const boxes = regions.map(({ box }) => box);
    return {
      boxTensor: { type: 'float32', dims: [regions.length, 4], data: Float32Array.from(boxes.flat()) },
      scoreTensor: { type: 'float32', dims: [regions.length, classCount], data: scores },
      boxes,
      objectness: Float32Array.from(regions, ({ classScores }) => Math.max(...classScores)),
      detections: detectionReader.read(views),
    };
  },
};

/** The proposals in an image by those in its views: as many as of one view, the last ones empty where there are fewer. */
function mergeRegions(views: readonly DetectedView[]): Region[] {
  const seen = views.flatMap(({ outputs, place }, view) =>
    regionsOf(outputs).map(({ box, classScores }) => {
      const weighed = classScores.map((score) => score * place.scoreWeight);
      return { ...placeInImage(box, place), classScores: weighed, score: Math.max(...weighed), view };
    }),
  );
  const merged = mergeViews(seen, () => true);
  const empty = { box: [0, 0, 0, 0], classScores: new Float32Array(seen[0]?.classScores.length ?? 0) } as const;
  return Array.from({ length: seen.length / views.length }, (_, index) => merged[index] ?? empty);
}

function regionsOf(outputs: DetectedView['outputs']): Region[] {
  const corners = finiteOutput(outputs, 'region_boxes');
  const boxes = rowsOf(corners, corners.length / 4);
  const scores = rowsOf(finiteOutput(outputs, 'region_class_scores'), boxes.length);
  return boxes.map(([x0 = 0, y0 = 0, x1 = 0, y1 = 0], index) => {
    return { box: [x0, y0, x1, y1], classScores: scores[index] ?? new Float32Array() };
  });
}
