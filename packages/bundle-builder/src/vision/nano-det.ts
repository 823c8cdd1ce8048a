import type { GraphBuilder } from '../onnx/graph-builder.js';
import type { FeatureMap } from '../tfjs/convert.js';
import { convertGraphModel } from '../tfjs/convert.js';
import { parseGraphModel, type TfjsGraphModel } from '../tfjs/graph-model.js';
import { readWeightFile } from '../weights.js';
import { padTo, sizeOf } from './planes.js';
import { classCount, RegionLayers, type Regions } from './regions.js';

/** Side of the squares that it was trained with, in pixels. */
const trainedSize = 416;
/** An edge's distance is a distribution over 0 to 10 cells. */
const distanceBins = 11;
/** Pixels per cell of the three maps, finest first. */
const strides = [8, 16, 32] as const;
/** Sides of what it reads are multiples of this. */
const sideStep = Math.max(...strides);
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

/** What it reads of an image. */
export interface NanoDetInput {
  /** float32 [B, 3, H, W], H and W multiples of 32: the image at the top left, and zeros, the mean colour. */
  readonly planes: string;
  /** Height and width of the image there: int64 [2]. */
  readonly size: string;
}

/**
 * @param image - float32 [B, 3, height, width], RGB from 0 to 255; height and width are multiples of 32
 * @param longestSide - what is scaled to 416, in pixels
 */
export function nanoDetInput(graph: GraphBuilder, image: string, longestSide: number): NanoDetInput {
  const factor = trainedSize / longestSide;
  const resized = graph.node('Resize', [image, '', graph.float32([4], [1, 1, factor, factor])], {
    mode: 'linear',
    coordinate_transformation_mode: 'half_pixel',
  });
  const blueFirst = graph.node('Gather', [resized, graph.int64([3], [2, 1, 0])], { axis: 1 });
  const centred = graph.node('Sub', [blueFirst, graph.float32([3, 1, 1], channelMeans)]);
  const normalized = graph.node('Div', [centred, graph.float32([3, 1, 1], channelDeviations)]);
  const size = sizeOf(graph, resized);
  const step = graph.int64([], [sideStep]);
  const raised = graph.node('Add', [size, graph.int64([], [sideStep - 1])]);
  const wholeCells = graph.node('Mul', [graph.node('Div', [raised, step]), step]);
  return { planes: padTo(graph, normalized, size, wholeCells), size };
}

/**
 * For each stride [B, 124, H / stride, W / stride]: the logits of 80 classes, then the logits of 11 distances for each of
 * the left, upper, right and lower edge.
 *
 * @param planes - float32 [B, 3, H, W], as `nanoDetInput` gives them
 */
export function nanoDetMaps(graph: GraphBuilder, model: TfjsGraphModel, planes: string): readonly FeatureMap[] {
  const image = { value: planes, channels: 3, height: trainedSize, width: trainedSize, channelsFirst: true };
  const outputs = ['PartitionedCall/Add_29', 'PartitionedCall/Add_33', 'PartitionedCall/Add_37'];
  const maps = convertGraphModel(model, graph, new Map([['input_1', image]]), outputs);
  const isExpected = maps.every(({ channels, height }, level) => {
    return channels === classCount + 4 * distanceBins && height * (strides[level] ?? 0) === trainedSize;
  });
  if (!isExpected) throw new TypeError('NanoDet does not have the expected heads');
  return maps;
}

/**
 * The `count` most certain objects, each once. Li et al., "Generalized Focal Loss" (2020), section 3.1 describes how an
 * edge is read from a distribution.
 *
 * @param size - of the image in the input, as `nanoDetInput` gives it
 */
export function nanoDetRegions(graph: GraphBuilder, maps: readonly FeatureMap[], size: string, count: number): Regions {
  const layers = new RegionLayers(graph);
  const cells = graph.node(
    'Concat',
    maps.map((map) => cellRows(graph, map)),
    { axis: 1 },
  );
  const sizes = graph.int64([2], [classCount, 4 * distanceBins]);
  const [logits = '', edges = ''] = graph.nodeWithOutputs(2, 'Split', [cells, sizes], { axis: 2 });
  const indices = layers.mostCertain(logits, candidateCount);
  const candidates = {
    boxes: boxesAt(graph, { maps, edges, indices, size }),
    logits: layers.rows(logits, indices, classCount),
  };
  return layers.best(layers.withoutDuplicates(candidates), count);
}

/** [B, channels, H, W] → [B, H · W, channels] */
function cellRows(graph: GraphBuilder, { value, channels }: FeatureMap): string {
  const flat = graph.node('Reshape', [value, graph.int64([3], [0, channels, -1])]);
  return graph.node('Transpose', [flat], { perm: [0, 2, 1] });
}

interface CellChoice {
  readonly maps: readonly FeatureMap[];
  /** [B, cells of all maps, 4 · 11] */
  readonly edges: string;
  /** Of the chosen cells: int64 [B, N]. */
  readonly indices: string;
  readonly size: string;
}

function boxesAt(graph: GraphBuilder, { maps, edges, indices, size }: CellChoice): string {
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
  const levels = maps.map((map, level) => cellsOf(graph, map, strides[level] ?? 0));
  const chosenOf = (tables: readonly string[]): string =>
    graph.node('Gather', [graph.node('Concat', tables, { axis: 0 }), indices], { axis: 0 });
  const distances = graph.node('Mul', [inCells, chosenOf(levels.map(({ reach }) => reach))]);
  return layers.boxesAround(chosenOf(levels.map(({ centres }) => centres)), distances, size);
}

/** Of every cell of a map, row by row, float32 [H · W, 4]. */
interface MapCells {
  /** As (x, y, x, y), in pixels of the input. */
  readonly centres: string;
  /** A cell's side in pixels, with the sign that a distance to the left, upper, right and lower edge has. */
  readonly reach: string;
}

function cellsOf(graph: GraphBuilder, { value }: FeatureMap, stride: number): MapCells {
  const grid = sizeOf(graph, value);
  const count = graph.node('ReduceProd', [grid], { keepdims: 0 });
  const columns = graph.node('Gather', [grid, graph.int64([], [1])]);
  const cells = graph.node('Range', [graph.int64([], [0]), count, graph.int64([], [1])]);
  const everyCell = graph.node('Unsqueeze', [cells, graph.int64([1], [1])]);
  const [x, y] = [graph.node('Mod', [everyCell, columns]), graph.node('Div', [everyCell, columns])];
  const corners = graph.cast(graph.node('Concat', [x, y, x, y], { axis: 1 }), 'float32');
  const middles = graph.node('Add', [corners, graph.float32([], [0.5])]);
  const reach = graph.float32([1, 4], [-stride, -stride, stride, stride]);
  return {
    centres: graph.node('Mul', [middles, graph.float32([], [stride])]),
    reach: graph.node('Expand', [reach, graph.node('Shape', [everyCell])]),
  };
}
