import type { Model } from '../onnx/model.js';
import type { SamLayers } from './sam-layers.js';
import { gridSize, imageSize, maskSize } from './sam-sizes.js';

/** What SAM's decoder computes last. */
export interface MaskMaps {
  /** The features of pixels, float32 [prompts, 65536, 32], cell by cell of the embedding. */
  readonly pixels: string;
  /** The mask, float32 [prompts, 256, 256]. */
  readonly logits: string;
}

/** Features of a pixel. */
const pixelWidth = 32;
/** The labels of a prompt that is a box. */
const cornerLabels = [2, 3];
/** Side of the crop in which the refiner sees features, and its margin around the box, in sides of the box. */
const cropSize = 64;
const cropMargin = 0.25;

/**
 * The masks of prompts that are a box and nothing else as `refiner` corrects them, the others as they are: a point beside
 * a box may lie where the refiner expects no object.
 *
 * @param refiner - inputs: `pixels` [prompts, 32, 64, 64] in a crop around the box, `logits` [prompts, 256, 256] and `boxes`
 *   [prompts, 4], x0, y0, x1, y1 in [0, 1]; output: `refined` [prompts, 256, 256]
 */
export function refinedMasks(
  layers: SamLayers,
  refiner: Model,
  { pixels, logits }: MaskMaps,
  prompt: { readonly points: string; readonly labels: string },
): string {
  const { graph } = layers;
  const firstTwo = (value: string, filler: string): string => {
    // Behind the prompt's own, two that are no corners: a prompt may have fewer points.
    const count = graph.node('Shape', [value], { start: 0, end: 1 });
    const shape = graph.node('Concat', [count, graph.node('Shape', [filler])], { axis: 0 });
    return layers.slice(graph.node('Concat', [value, graph.node('Expand', [filler, shape])], { axis: 1 }), 1, 0, 2);
  };
  const firstLabels = firstTwo(prompt.labels, graph.int64([2], [-1, -1]));
  const areCorners = graph.cast(graph.node('Equal', [firstLabels, graph.int64([2], cornerLabels)]), 'int64');
  const isBox = graph.node('And', [
    graph.node('Equal', [graph.node('ReduceSum', [areCorners, graph.int64([1], [1])]), graph.int64([], [2])]),
    graph.node('Equal', [graph.node('Shape', [prompt.labels], { start: 1, end: 2 }), graph.int64([], [2])]),
  ]);
  const corners = layers.reshape(firstTwo(prompt.points, graph.float32([2, 2], [0, 0, 0, 0])), [-1, 4]);
  const boxes = graph.node('Where', [
    isBox,
    graph.node('Div', [corners, graph.float32([], [imageSize])]),
    graph.float32([4], [0, 0, 1, 1]),
  ]);
  const named = (value: string, output: string): string => graph.node('Identity', [value], {}, { output });
  graph.include(refiner.graph, {
    pixels: pixelCrops(layers, named(pixels, 'mask_pixels'), boxes),
    logits: named(logits, 'unrefined_masks'),
    boxes,
  });
  return graph.node('Where', [layers.reshape(isBox, [-1, 1, 1]), 'refined', logits]);
}

/**
 * A crop of `pixels` around each box: float32 [prompts, 32, 64, 64], bilinear, 0 beyond the map. The four neighbours of
 * its pixels are looked up where they lie: to put all of the map into rows takes longer than all the rest.
 */
function pixelCrops(layers: SamLayers, pixels: string, boxes: string): string {
  const { graph } = layers;
  const edge = (index: number): string => layers.slice(boxes, 1, index, index + 1);
  // Where a pixel lies among all: by cell row and column, row and column in the cell, row and column in its quarter.
  const columns = neighbours(layers, edge(0), edge(2), (at) => 16 * (at >> 2) + 4 * ((at >> 1) & 1) + (at & 1));
  const rows = neighbours(
    layers,
    edge(1),
    edge(3),
    (at) => 16 * gridSize * (at >> 2) + 8 * ((at >> 1) & 1) + 2 * (at & 1),
  );
  const parts = rows.flatMap((row) =>
    columns.map((column) => {
      const each = (operator: string, one: string, other: string): string => {
        const table = graph.node(operator, [
          layers.reshape(one, [0, cropSize, 1]),
          layers.reshape(other, [0, 1, cropSize]),
        ]);
        return layers.reshape(table, [0, cropSize * cropSize, 1]);
      };
      const found = graph.node('GatherND', [pixels, each('Add', row.place, column.place)], { batch_dims: 1 });
      return graph.node('Mul', [found, each('Mul', row.share, column.share)]);
    }),
  );
  const mixed = parts.reduce((sum, part) => layers.add(sum, part));
  return layers.reshape(layers.transpose(mixed, [0, 2, 1]), [0, pixelWidth, cropSize, cropSize]);
}

interface Neighbour {
  /** What the neighbour's row or column adds to its place among all pixels, int64 [prompts, 64]. */
  readonly place: string;
  /** How much of it the crop's pixel has, float32 [prompts, 64]; 0 beyond the map. */
  readonly share: string;
}

/** The two rows, or columns, of the map around each of a crop's; the box reaches from `low` to `high`, [prompts, 1]. */
function neighbours(layers: SamLayers, low: string, high: string, placeOf: (at: number) => number): Neighbour[] {
  const { graph } = layers;
  const number = (value: number): string => graph.float32([], [value]);
  const steps = Array.from({ length: cropSize }, (_, index) => {
    return ((index + 0.5) / cropSize) * (1 + 2 * cropMargin) - cropMargin;
  });
  const side = graph.node('Sub', [high, low]);
  const position = layers.add(graph.node('Mul', [side, graph.float32([1, cropSize], steps)]), low);
  const at = graph.node('Sub', [graph.node('Mul', [position, number(maskSize)]), number(0.5)]);
  const before = graph.node('Floor', [at]);
  const fraction = graph.node('Sub', [at, before]);
  const places = graph.int64(
    [maskSize],
    Array.from({ length: maskSize }, (_, index) => placeOf(index)),
  );
  const neighbour = (index: string, share: string): Neighbour => {
    const clipped = graph.node('Clip', [index, number(0), number(maskSize - 1)]);
    const isInside = graph.cast(graph.node('Equal', [index, clipped]), 'float32');
    return {
      place: graph.node('Gather', [places, graph.cast(clipped, 'int64')]),
      share: graph.node('Mul', [share, isInside]),
    };
  };
  return [
    neighbour(before, graph.node('Sub', [number(1), fraction])),
    neighbour(layers.add(before, number(1)), fraction),
  ];
}
