import { float32Output, onlyRow, outputTensor, rowsOf, type HostTensor } from '@tessera/inference';
import type { Box } from './box.js';
import { detectionReader, type Detection } from './detections.js';
import type { DetectorReader } from './detector.js';

/** The detector's proposals of any class, best first, and its detections of each class. */
export interface Proposals {
  /** As the detector gave them, for a graph that goes on from there: `[n, 4]` and `[n, classes]`. */
  readonly boxTensor: HostTensor;
  readonly scoreTensor: HostTensor;
  /** In shares of the image's width and height; some may have no area. */
  readonly boxes: readonly Box[];
  /** The highest class score of each, in [0, 1]. */
  readonly objectness: Float32Array;
  /** The highest score that a proposal has of each class, in [0, 1]. */
  readonly classScores: Float32Array;
  readonly detections: readonly Detection[];
}

export const proposalReader: DetectorReader<Proposals> = {
  outputs: ['region_boxes', 'region_class_scores', ...detectionReader.outputs],
  read(outputs) {
    const corners = float32Output(outputs, 'region_boxes');
    const scores = float32Output(outputs, 'region_class_scores');
    const rows = rowsOf(corners, corners.length / 4);
    const classRows = rowsOf(scores, rows.length);
    return {
      boxTensor: onlyRow(outputTensor(outputs, 'region_boxes')),
      scoreTensor: onlyRow(outputTensor(outputs, 'region_class_scores')),
      boxes: rows.map(([x0 = 0, y0 = 0, x1 = 0, y1 = 0]) => [x0, y0, x1, y1]),
      objectness: Float32Array.from(classRows, (row) => Math.max(...row)),
      classScores: Float32Array.from(classRows[0] ?? [], (_, index) =>
        Math.max(...classRows.map((row) => row[index] ?? 0)),
      ),
      detections: detectionReader.read(outputs),
    };
  },
};
