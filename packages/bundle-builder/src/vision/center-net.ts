import type { GraphBuilder } from '../onnx/graph-builder.js';
import type { FeatureMap } from '../tfjs/convert.js';
import { convertGraphModel } from '../tfjs/convert.js';
import { parseGraphModel, type TfjsGraphModel } from '../tfjs/graph-model.js';
import { readWeightFile } from '../weights.js';
import { sizeOf } from './planes.js';
import { classCount, RegionLayers, type Regions } from './regions.js';

/** Side of the squares that it was trained with, in pixels. It reads pictures whose sides are multiples of 32. */
export const imageSize = 512;
/** Pixels per cell of the heatmap. */
const cellStride = 4;
const channelParts = 10;

/** What the network says of each cell. */
export interface CenterNetMaps {
  /** [B, 80, H / 4, W / 4]: logits of an object's centre. */
  readonly heatmap: FeatureMap;
  /** [B, 4, H / 4, W / 4]: distances in pixels from a cell to the left, upper, right and lower edge of its box. */
  readonly sizes: FeatureMap;
}

/** The published CenterNet detector. Throws `WeightFileError`. */
export async function readCenterNet(): Promise<TfjsGraphModel> {
  const [topology, weights] = await Promise.all([
    readWeightFile('@vladmandic/human', 'models/centernet.json'),
    readWeightFile('@vladmandic/human', 'models/centernet.bin'),
  ]);
  return parseGraphModel(topology.toString(), weights);
}

/** @param image - float32 [B, 3, H, W], RGB from 0 to 255 */
export function centerNetMaps(graph: GraphBuilder, model: TfjsGraphModel, image: string): CenterNetMaps {
  const inputs = new Map([['tower_0/images', { value: image, channels: 3, height: imageSize, width: imageSize }]]);
  const outputs = ['tower_0/CenternetHead/centernet_cls_output/BiasAdd', 'tower_0/wh'];
  const [heatmap, sizes] = convertGraphModel(model, graph, inputs, outputs);
  if (heatmap?.channels !== classCount || heatmap.height * cellStride !== imageSize || sizes?.channels !== 4) {
    throw new TypeError('CenterNet does not have the expected heads');
  }
  return { heatmap, sizes };
}

/**
 * The `count` highest 3×3 peaks of the maximum over classes, with the logits of all classes. Zhou et al., "Objects as
 * Points" (2019), section 4 describes the decoding.
 */
export function centerNetRegions(graph: GraphBuilder, { heatmap, sizes }: CenterNetMaps, count: number): Regions {
  const best = highestChannel(graph, heatmap.value);
  const neighbourhood = graph.node('MaxPool', [best], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
  const isPeak = graph.node('Equal', [best, neighbourhood]);
  const peaks = graph.node('Where', [isPeak, best, graph.float32([], [-Infinity])]);
  const flat = graph.node('Reshape', [peaks, graph.int64([2], [0, -1])]);
  const { indices } = new RegionLayers(graph).highest(flat, count);
  return {
    boxes: boxesAt(graph, sizes.value, indices),
    logits: gatherCells(graph, heatmap.value, classCount, indices),
  };
}

/** The maximum over the channels. Most of it is taken map by map, which is several times faster than by reduction. */
function highestChannel(graph: GraphBuilder, heatmap: string): string {
  const sizes = graph.int64([channelParts], Array<number>(channelParts).fill(classCount / channelParts));
  const parts = graph.nodeWithOutputs(channelParts, 'Split', [heatmap, sizes], { axis: 1 });
  return graph.node('ReduceMax', [graph.node('Max', parts)], { axes: [1], keepdims: 1 });
}

/** The values of a [B, channels, rows, columns] map at `cells` [B, N]: [B, N, channels]. */
function gatherCells(graph: GraphBuilder, map: string, channels: number, cells: string): string {
  const flat = graph.node('Reshape', [map, graph.int64([3], [0, channels, -1])]);
  const everyChannel = graph.node('Expand', [
    graph.node('Unsqueeze', [cells, graph.int64([1], [1])]),
    graph.int64([3], [1, channels, 1]),
  ]);
  const values = graph.node('GatherElements', [flat, everyChannel], { axis: 2 });
  return graph.node('Transpose', [values], { perm: [0, 2, 1] });
}

function boxesAt(graph: GraphBuilder, sizes: string, cells: string): string {
  const grid = sizeOf(graph, sizes);
  const columns = graph.node('Gather', [grid, graph.int64([1], [1])]);
  const axis = graph.int64([1], [2]);
  const x = graph.node('Unsqueeze', [graph.node('Mod', [cells, columns]), axis]);
  const y = graph.node('Unsqueeze', [graph.node('Div', [cells, columns]), axis]);
  const centres = graph.cast(graph.node('Concat', [x, y, x, y], { axis: 2 }), 'float32');
  const inCells = [-1, -1, 1, 1].map((sign) => sign / cellStride);
  const distances = graph.node('Mul', [gatherCells(graph, sizes, 4, cells), graph.float32([4], inCells)]);
  return new RegionLayers(graph).boxesAround(centres, distances, grid);
}
