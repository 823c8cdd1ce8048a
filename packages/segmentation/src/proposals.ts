import type { HostTensor } from '@tessera/inference';
import { boxOverlap, type Box } from './box.js';
import { detectionReader, type Detection } from './detections.js';
import { float32Output } from './tensors.js';
import { rowsOf } from './text-encoder.js';
import type { DetectorReader } from './vision.js';

/** What the detector sees in a place. */
export interface Proposal {
  /** In shares of the image's width and height; some have no area. */
  readonly box: Box;
  /** Of every class, in [0, 1]. */
  readonly scores: Float32Array;
}

/** The detector's proposals of any class, best first, and its detections of each class. */
export interface Proposals {
  /** Boxes and class scores for a graph that goes on from there: `[n, 4]` and `[n, classes]`, zeros at the end. */
  readonly boxTensor: HostTensor;
  readonly scoreTensor: HostTensor;
  /** In shares of the image's width and height; some have no area. */
  readonly boxes: readonly Box[];
  /** The highest class score of each, in [0, 1]. */
  readonly objectness: Float32Array;
  readonly detections: readonly Detection[];
}

/** Reads proposals and takes those for one that overlap by more than the threshold, see {@link mergeProposals}. */
export function proposalReader(overlapThreshold: number): DetectorReader<Proposals> {
  return {
    outputs: ['region_boxes', 'region_class_scores', ...detectionReader.outputs],
    read(outputs) {
      const corners = float32Output(outputs, 'region_boxes');
      const scores = rowsOf(float32Output(outputs, 'region_class_scores'), corners.length / 4);
      const found = rowsOf(corners, scores.length).map(([x0 = 0, y0 = 0, x1 = 0, y1 = 0], index): Proposal => {
        return { box: [x0, y0, x1, y1], scores: scores[index] ?? new Float32Array() };
      });
      const merged = mergeProposals(found, overlapThreshold);
      const nothing: Proposal = { box: [0, 0, 0, 0], scores: new Float32Array(scores[0]?.length ?? 0) };
      const proposals = found.map((_, index) => merged[index] ?? nothing);
      return {
        boxTensor: matrix(proposals.map(({ box }) => box)),
        scoreTensor: matrix(proposals.map((proposal) => proposal.scores)),
        boxes: proposals.map(({ box }) => box),
        objectness: Float32Array.from(proposals, (proposal) => Math.max(...proposal.scores)),
        detections: detectionReader.read(outputs),
      };
    },
  };
}

/**
 * Detectors propose most things several times, under one class or more. Of proposals that overlap by more than the
 * threshold the best stays, and gets of every class the highest score of those that it stands for.
 *
 * @param proposals - best first
 */
export function mergeProposals(proposals: readonly Proposal[], overlapThreshold: number): Proposal[] {
  const kept: { readonly box: Box; readonly scores: Float32Array }[] = [];
  for (const { box, scores } of proposals) {
    const overlaps = kept.map((other) => boxOverlap(other.box, box));
    const highest = Math.max(0, ...overlaps);
    const same = highest > overlapThreshold ? kept[overlaps.indexOf(highest)] : undefined;
    if (same === undefined) kept.push({ box, scores: scores.slice() });
    else for (const [index, score] of scores.entries()) same.scores[index] = Math.max(same.scores[index] ?? 0, score);
  }
  return kept;
}

/** Rows of equal length as a tensor `[rows, length]`. */
function matrix(rows: readonly ArrayLike<number>[]): HostTensor {
  const width = rows[0]?.length ?? 0;
  const data = new Float32Array(rows.length * width);
  for (const [index, row] of rows.entries()) data.set(row, index * width);
  return { type: 'float32', dims: [rows.length, width], data };
}
