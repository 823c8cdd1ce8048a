import { cocoClasses } from '../coco-classes.js';
import type { GraphBuilder } from '../onnx/graph-builder.js';

/** Boxes of one detector, each with the logits of all classes, for a batch of B images. */
export interface Regions {
  /** float32 [B, N, 4]: x0, y0, x1, y1 in shares of the image. */
  readonly boxes: string;
  /** float32 [B, N, 80] */
  readonly logits: string;
}

export const classCount = cocoClasses.length;

/** Above this IoU two boxes are taken to show one object. Chosen on training photos. */
const sameObjectOverlap = 0.6;
/** What a class loses when one of two detectors alone has seen the object. Chosen on training photos. */
const unconfirmedLogits = 0.7;
/** The logit of a region that is left out. */
const leftOutLogit = -20;

/** Operators on regions, added to one graph. */
export class RegionLayers {
  readonly #graph: GraphBuilder;

  constructor(graph: GraphBuilder) {
    this.#graph = graph;
  }

  /** The `count` regions with the highest logits of any class, from high to low. */
  best({ boxes, logits }: Regions, count: number): Regions {
    const indices = this.mostCertain(logits, count);
    return { boxes: this.rows(boxes, indices, 4), logits: this.rows(logits, indices, classCount) };
  }

  /** The int64 indices [B, count] of the rows of [B, N, 80] with the highest logits of any class, from high to low. */
  mostCertain(logits: string, count: number): string {
    return this.highest(this.#maximum(logits, 2), count).indices;
  }

  /**
   * Boxes, cut at the image, in shares of its width and height.
   *
   * @param centres - as (x, y, x, y), in the unit of all three
   * @param distances - of the edges from the centres, with signs
   * @param size - of the image, its height and width: int64 [2]
   */
  boxesAround(centres: string, distances: string, size: string): string {
    const graph = this.#graph;
    const corners = graph.node('Add', [centres, distances]);
    const lengths = graph.cast(graph.node('Gather', [size, graph.int64([4], [1, 0, 1, 0])]), 'float32');
    const shares = graph.node('Div', [corners, lengths]);
    return graph.node('Clip', [shares, graph.float32([], [0]), graph.float32([], [1])]);
  }

  /** The `count` highest of float32 [B, N] and their int64 indices, both [B, count]. */
  highest(values: string, count: number): { readonly values: string; readonly indices: string } {
    const graph = this.#graph;
    const [found = '', indices = ''] = graph.nodeWithOutputs(2, 'TopK', [values, graph.int64([1], [count])]);
    return { values: found, indices };
  }

  /** The rows of float32 [B, N, width] at the int64 indices [B, n]: [B, n, width]. */
  rows(values: string, indices: string, width: number): string {
    const graph = this.#graph;
    const everyColumn = graph.node('Expand', [this.#unsqueeze(indices, 2), graph.int64([3], [1, 1, width])]);
    return graph.node('GatherElements', [values, everyColumn], { axis: 1 });
  }

  /**
   * Sorted regions without those that show the object of one before them, itself left out or not: these are empty, with the
   * lowest logits. Bolya et al., "YOLACT" (2019), section 5 calls it Fast NMS.
   */
  withoutDuplicates(regions: Regions): Regions {
    const graph = this.#graph;
    const overlaps = this.#overlaps(regions.boxes, regions.boxes);
    const withEarlier = graph.node('Trilu', [overlaps, graph.int64([], [1])]);
    return this.#without(regions, this.#maximum(withEarlier, 1));
  }

  /**
   * What two detectors have found, one after the other's: of an object that both have seen the mean of both boxes and
   * logits, of the others the lowered logits.
   *
   * @param own - sorted; a region of the other's goes to the first of those that show the same
   */
  merge(own: Regions, other: Regions): Regions {
    const graph = this.#graph;
    const overlaps = this.#overlaps(own.boxes, other.boxes);
    const paired = this.#withoutLaterPairs(overlaps);
    const partner = graph.node('ArgMax', [paired], { axis: 2, keepdims: 0 });
    const isConfirmed = this.#unsqueeze(this.#showsSame(this.#maximum(paired, 2)), 2);
    const lowered = (logits: string): string => graph.node('Sub', [logits, graph.float32([], [unconfirmedLogits])]);
    const confirmed = (values: string, others: string, alone: string, width: number): string =>
      graph.node('Where', [isConfirmed, this.#mean(values, this.rows(others, partner, width)), alone]);
    const unseen = this.#without(other, this.#maximum(overlaps, 1));
    const joined = (values: string, others: string): string => graph.node('Concat', [values, others], { axis: 1 });
    return {
      boxes: joined(confirmed(own.boxes, other.boxes, own.boxes, 4), unseen.boxes),
      logits: joined(confirmed(own.logits, other.logits, lowered(own.logits), classCount), lowered(unseen.logits)),
    };
  }

  /** The overlaps [B, N, M] of each column up to its first that shows the same; 0 after it. */
  #withoutLaterPairs(overlaps: string): string {
    const graph = this.#graph;
    const pairs = graph.cast(this.#showsSame(overlaps), 'float32');
    const earlierPairs = graph.node('CumSum', [pairs, graph.int64([], [1])], { exclusive: 1 });
    const zero = graph.float32([], [0]);
    return graph.node('Where', [graph.node('Greater', [earlierPairs, zero]), zero, overlaps]);
  }

  /** IoU [B, N, M] of boxes [B, N, 4] and [B, M, 4]. */
  #overlaps(boxes: string, others: string): string {
    const graph = this.#graph;
    const corners = (values: string, axis: number): readonly string[] =>
      graph
        .nodeWithOutputs(4, 'Split', [values], { axis: 2 })
        .map((column) => (axis === 2 ? column : graph.node('Transpose', [column], { perm: [0, 2, 1] })));
    const one = corners(boxes, 2);
    const two = corners(others, 1);
    const zero = graph.float32([], [0]);
    const length = (start: string, end: string): string => graph.node('Max', [graph.node('Sub', [end, start]), zero]);
    const area = ([x0 = '', y0 = '', x1 = '', y1 = '']: readonly string[]): string =>
      graph.node('Mul', [length(x0, x1), length(y0, y1)]);
    const inner = one.map((corner, index) => graph.node(index < 2 ? 'Max' : 'Min', [corner, two[index] ?? '']));
    const common = area(inner);
    const union = graph.node('Sub', [graph.node('Add', [area(one), area(two)]), common]);
    return graph.node('Div', [common, graph.node('Max', [union, graph.float32([], [1e-9])])]);
  }

  #showsSame(overlap: string): string {
    return this.#graph.node('Greater', [overlap, this.#graph.float32([], [sameObjectOverlap])]);
  }

  /** Empties the regions whose overlap [B, N] with another says that they show the same. */
  #without({ boxes, logits }: Regions, overlap: string): Regions {
    const graph = this.#graph;
    const isLeftOut = this.#unsqueeze(this.#showsSame(overlap), 2);
    const unlessLeftOut = (otherwise: number, values: string): string =>
      graph.node('Where', [isLeftOut, graph.float32([], [otherwise]), values]);
    return { boxes: unlessLeftOut(0, boxes), logits: unlessLeftOut(leftOutLogit, logits) };
  }

  #mean(one: string, other: string): string {
    const graph = this.#graph;
    return graph.node('Mul', [graph.node('Add', [one, other]), graph.float32([], [0.5])]);
  }

  #maximum(values: string, axis: number): string {
    return this.#graph.node('ReduceMax', [values], { axes: [axis], keepdims: 0 });
  }

  #unsqueeze(value: string, axis: number): string {
    return this.#graph.node('Unsqueeze', [value, this.#graph.int64([1], [axis])]);
  }
}
