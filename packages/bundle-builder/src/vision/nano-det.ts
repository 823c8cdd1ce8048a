import type { GraphBuilder } from '../onnx/graph-builder.js';
import type { FeatureMap } from '../tfjs/convert.js';
import { convertGraphModel } from '../tfjs/convert.js';
import { parseGraphModel, type TfjsGraphModel } from '../tfjs/graph-model.js';
import { readWeightFile } from '../weights.js';
import { classCount, RegionLayers, type Regions } from './regions.js';

const imageSize = 416;
/** An edge's distance is a distribution over 0 to 10 cells. */
const distanceBins = 11;
/** Pixels per cell of the three maps, finest first. */
const strides = [8, 16, 32];
/** Duplicates are looked for among so many boxes. */
const candidateCount = 300;
/** Mean and deviation of blue, green and red that it was trained with. */
const channelMeans = [103.53, 116.28, 123.675];
const channelDeviations = [57.375, 57.12, 58.395];

/** The published NanoDet-g detector. Throws `WeightFileError`. */
export async function readNanoDet(): Promise<TfjsGraphModel> {
  const [topology, weights] = await Promise.all([
    readWeightFile('human-nanodet', 'models/nanodet.json'),
    readWeightFile('human-nanodet', 'models/nanodet.bin'),
  ]);
  return parseGraphModel(topology.toString(), weights);
}

/**
 * What it reads of an image: float32 [B, 3, 416, 416].
 *
 * @param image - float32 [B, 3, side, side], RGB from 0 to 255
 */
export function nanoDetInput(graph: GraphBuilder, image: string, side: number): string {
  const factor = imageSize / side;
  const resized = graph.node('Resize', [image, '', graph.float32([4], [1, 1, factor, factor])], {
    mode: 'linear',
    coordinate_transformation_mode: 'half_pixel',
  });
  const blueFirst = graph.node('Gather', [resized, graph.int64([3], [2, 1, 0])], { axis: 1 });
  const centred = graph.node('Sub', [blueFirst, graph.float32([3, 1, 1], channelMeans)]);
  return graph.node('Div', [centred, graph.float32([3, 1, 1], channelDeviations)]);
}

/**
 * For each stride [B, 124, H, W]: the logits of 80 classes, then the logits of 11 distances for each of the left, upper,
 * right and lower edge.
 *
 * @param input - float32 [B, 3, 416, 416], as `nanoDetInput` gives it
 */
export function nanoDetMaps(graph: GraphBuilder, model: TfjsGraphModel, input: string): readonly FeatureMap[] {
  const image = { value: input, channels: 3, height: imageSize, width: imageSize, channelsFirst: true };
  const outputs = ['PartitionedCall/Add_29', 'PartitionedCall/Add_33', 'PartitionedCall/Add_37'];
  const maps = convertGraphModel(model, graph, new Map([['input_1', image]]), outputs);
  const isExpected = maps.every(({ channels, height }, level) => {
    return channels === classCount + 4 * distanceBins && height * (strides[level] ?? 0) === imageSize;
  });
  if (!isExpected) throw new TypeError('NanoDet does not have the expected heads');
  return maps;
}

/**
 * The `count` most certain objects, each once. Li et al., "Generalized Focal Loss" (2020), section 3.1 describes how an
 * edge is read from a distribution.
 */
export function nanoDetRegions(graph: GraphBuilder, maps: readonly FeatureMap[], count: number): Regions {
  const layers = new RegionLayers(graph);
  const cells = graph.node(
    'Concat',
    maps.map((map) => cellRows(graph, map)),
    { axis: 1 },
  );
  const sizes = graph.int64([2], [classCount, 4 * distanceBins]);
  const [logits = '', edges = ''] = graph.nodeWithOutputs(2, 'Split', [cells, sizes], { axis: 2 });
  const indices = layers.mostCertain(logits, candidateCount);
  const candidates = { boxes: boxesAt(graph, maps, edges, indices), logits: layers.rows(logits, indices, classCount) };
  return layers.best(layers.withoutDuplicates(candidates), count);
}

/** [B, channels, H, W] → [B, H · W, channels] */
function cellRows(graph: GraphBuilder, { value, channels }: FeatureMap): string {
  const flat = graph.node('Reshape', [value, graph.int64([3], [0, channels, -1])]);
  return graph.node('Transpose', [flat], { perm: [0, 2, 1] });
}

/** @param edges - [B, cells of all maps, 4 · 11] */
function boxesAt(graph: GraphBuilder, maps: readonly FeatureMap[], edges: string, indices: string): string {
  const layers = new RegionLayers(graph);
  const chosen = layers.rows(edges, indices, 4 * distanceBins);
  const bins = graph.node('Reshape', [chosen, graph.int64([4], [0, 0, 4, distanceBins])]);
  const shares = graph.node('Softmax', [bins], { axis: 3 });
  const inCells = graph.node('MatMul', [
    shares,
    graph.float32(
      [distanceBins],
      Array.from({ length: distanceBins }, (_, bin) => bin),
    ),
  ]);

  const places = maps.flatMap(({ height, width }, level) => {
    const cell = (strides[level] ?? 0) / imageSize;
    return Array.from({ length: height * width }, (_, index) => {
      const [x, y] = [(index % width) + 0.5, Math.floor(index / width) + 0.5];
      return { centre: [x * cell, y * cell, x * cell, y * cell], reach: [-cell, -cell, cell, cell] };
    });
  });
  const table = (rows: readonly (readonly number[])[]): string =>
    graph.node('Gather', [graph.float32([rows.length, 4], rows.flat()), indices], { axis: 0 });
  const distances = graph.node('Mul', [inCells, table(places.map(({ reach }) => reach))]);
  return layers.boxesAround(table(places.map(({ centre }) => centre)), distances);
}
