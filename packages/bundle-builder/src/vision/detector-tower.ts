import { GraphBuilder } from '../onnx/graph-builder.js';
import type { Model } from '../onnx/model.js';
import type { FeatureMap } from '../tfjs/convert.js';
import { convertGraphModel } from '../tfjs/convert.js';
import { parseGraphModel, type TfjsGraphModel } from '../tfjs/graph-model.js';
import { readWeightFile } from '../weights.js';

const imageSize = 512;
/** Heatmap cells per row and per column; a cell is `cellStride` pixels wide. */
const gridSize = 128;
const cellStride = imageSize / gridSize;
const classCount = 80;
const channelParts = 10;
/** How many detections and how many regions the tower reports. */
const peakCount = 100;

/** The published CenterNet detector. Throws `WeightFileError`. */
export async function readDetectorModel(): Promise<TfjsGraphModel> {
  const [topology, weights] = await Promise.all([
    readWeightFile('@vladmandic/human', 'models/centernet.json'),
    readWeightFile('@vladmandic/human', 'models/centernet.bin'),
  ]);
  return parseGraphModel(topology.toString(), weights);
}

/**
 * The CenterNet detector as one graph for a batch of B images. Input `image`: uint8 [B, 512, 512, 3], RGB, the whole
 * picture resized without keeping its aspect. Outputs, each image's sorted by score from high to low:
 *
 * - `boxes` float32 [B, 100, 4] (x0, y0, x1, y1 in [0, 1]), `scores` float32 [B, 100], `classes` int64 [B, 100]: the
 *   highest 3×3 peaks of each class's heatmap. With fewer than 100 peaks the last ones have the score 0.
 * - `region_boxes` float32 [B, 100, 4], `region_class_scores` float32 [B, 100, 80]: the highest peaks of the maximum
 *   over classes, whatever their class.
 *
 * Zhou et al., "Objects as Points" (2019), section 4 describes the decoding.
 */
export function detectorTower(model: TfjsGraphModel): Model {
  const graph = new GraphBuilder('detector_tower');
  const { heatmap, sizes } = detectorHeads(graph, model);

  const detections = highestPeaks(graph, heatmap.value, classCount);
  graph.output('boxes', boxesAt(graph, sizes.value, detections.cells), 'float32', ['batch', peakCount, 4]);
  graph.output('scores', detections.scores, 'float32', ['batch', peakCount]);
  graph.output('classes', detections.channels, 'int64', ['batch', peakCount]);

  const bestClass = highestChannel(graph, heatmap.value);
  const regions = highestPeaks(graph, bestClass, 1);
  const columns = gatherCells(graph, heatmap.value, classCount, regions.cells);
  graph.output('region_boxes', boxesAt(graph, sizes.value, regions.cells), 'float32', ['batch', peakCount, 4]);
  graph.output('region_class_scores', columns, 'float32', ['batch', peakCount, classCount]);
  return graph.model();
}

/**
 * The detector without its decoding, to compare it with another implementation. Outputs `heatmap` [B, 80, 128, 128] in
 * [0, 1], `sizes` [B, 4, 128, 128] (distances in pixels from a cell to the left, upper, right and lower edge of its box)
 * and `neck` [B, C, 128, 128], the features that both are computed from.
 */
export function detectorTowerWithRawOutputs(model: TfjsGraphModel): Model {
  const graph = new GraphBuilder('detector_tower_raw');
  for (const [name, { value, channels, height, width }] of Object.entries(detectorHeads(graph, model))) {
    graph.output(name, value, 'float32', ['batch', channels, height, width]);
  }
  return graph.model();
}

function detectorHeads(graph: GraphBuilder, model: TfjsGraphModel): Record<'heatmap' | 'sizes' | 'neck', FeatureMap> {
  const image = graph.input('image', 'uint8', ['batch', imageSize, imageSize, 3]);
  const value = graph.cast(graph.node('Transpose', [image], { perm: [0, 3, 1, 2] }), 'float32');
  const inputs = new Map([['tower_0/images', { value, channels: 3, height: imageSize, width: imageSize }]]);
  const outputs = ['tower_0/keypoints', 'tower_0/wh', 'tower_0/CenternetHead/mul'];
  const [heatmap, sizes, neck] = convertGraphModel(model, graph, inputs, outputs);
  if (heatmap?.channels !== classCount || heatmap.height !== gridSize || sizes?.channels !== 4 || !neck) {
    throw new TypeError('the detector does not have the expected heads');
  }
  return { heatmap, sizes, neck };
}

interface Peaks {
  /** float32 [B, peakCount] */
  readonly scores: string;
  /** int64 [B, peakCount], the heatmap channel of each peak */
  readonly channels: string;
  /** int64 [B, peakCount], row-major cell number of each peak */
  readonly cells: string;
}

/** The maximum over the channels. Most of it is taken map by map, which is several times faster than by reduction. */
function highestChannel(graph: GraphBuilder, heatmap: string): string {
  const sizes = graph.int64([channelParts], Array<number>(channelParts).fill(classCount / channelParts));
  const parts = graph.nodeWithOutputs(channelParts, 'Split', [heatmap, sizes], { axis: 1 });
  return graph.node('ReduceMax', [graph.node('Max', parts)], { axes: [1], keepdims: 1 });
}

/** A cell is a peak when none of its eight neighbours in the same channel is higher. */
function highestPeaks(graph: GraphBuilder, heatmap: string, channels: number): Peaks {
  const neighbourhood = graph.node('MaxPool', [heatmap], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
  const isPeak = graph.node('Equal', [heatmap, neighbourhood]);
  const peaks = graph.node('Where', [isPeak, heatmap, graph.float32([], [0])]);
  const cellCount = graph.int64([], [gridSize * gridSize]);

  const flat = graph.node('Reshape', [peaks, graph.int64([2], [-1, channels * gridSize * gridSize])]);
  const [scores = '', indices = ''] = graph.nodeWithOutputs(2, 'TopK', [flat, graph.int64([1], [peakCount])]);
  return {
    scores,
    channels: graph.node('Div', [indices, cellCount]),
    cells: graph.node('Mod', [indices, cellCount]),
  };
}

/** The values of a [B, channels, 128, 128] map at `cells`: [B, peakCount, channels]. */
function gatherCells(graph: GraphBuilder, map: string, channels: number, cells: string): string {
  const flat = graph.node('Reshape', [map, graph.int64([3], [-1, channels, gridSize * gridSize])]);
  const everyChannel = graph.node('Expand', [
    graph.node('Unsqueeze', [cells, graph.int64([1], [1])]),
    graph.int64([3], [1, channels, 1]),
  ]);
  const values = graph.node('GatherElements', [flat, everyChannel], { axis: 2 });
  return graph.node('Transpose', [values], { perm: [0, 2, 1] });
}

function boxesAt(graph: GraphBuilder, sizes: string, cells: string): string {
  const columns = graph.int64([1], [gridSize]);
  const axis = graph.int64([1], [2]);
  const x = graph.node('Unsqueeze', [graph.node('Mod', [cells, columns]), axis]);
  const y = graph.node('Unsqueeze', [graph.node('Div', [cells, columns]), axis]);
  const positions = graph.cast(graph.node('Concat', [x, y, x, y], { axis: 2 }), 'float32');

  const inImages = (pixels: readonly number[]): string =>
    graph.float32(
      [1, pixels.length],
      pixels.map((value) => value / imageSize),
    );
  const centres = graph.node('Mul', [positions, inImages([cellStride])]);
  const distances = graph.node('Mul', [gatherCells(graph, sizes, 4, cells), inImages([-1, -1, 1, 1])]);
  const corners = graph.node('Add', [centres, distances]);
  return graph.node('Clip', [corners, graph.float32([], [0]), graph.float32([], [1])]);
}
