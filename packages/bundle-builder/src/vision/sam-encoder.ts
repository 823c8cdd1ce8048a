import type { GraphBuilderOptions } from '../onnx/graph-builder.js';
import { GraphBuilder } from '../onnx/graph-builder.js';
import type { Graph, Model } from '../onnx/model.js';
import { int64Tensor, toIntegers } from '../onnx/tensor.js';
import { padTo, sizeOf } from './planes.js';
import { cellPixels, tinyVit, type TinyVitOptions } from './tiny-vit.js';
import { TinyVitWeights } from './tiny-vit-weights.js';

const imageSize = 1024;
const pixelMean = [123.675, 116.28, 103.53];
const pixelDeviation = [58.395, 57.12, 57.375];

/** Side of the embedding in cells. */
const gridSide = imageSize / cellPixels;
/** Cells beyond the image that are computed: what borders on the image depends on it. */
const marginCells = 1;
const width = 256;

/**
 * SAM's image encoder with its pre-processing in the graph, for one image on a processor. Inputs and output as those of
 * {@link batchedSamEncoder}, with a batch of one.
 *
 * The image fills the square from its upper left corner, and SAM pads the rest with black: a third of a photo of 3 : 2.
 * What the network makes of the padding depends on where it is, hardly on the image; it is in `padding` and put beside
 * what is computed, the image and a margin. Left out, or filled with zeros or the last row, it would cost masks.
 *
 * @param padding - float32 [1, 256, 64, 64], the embedding of the padding alone
 */
export function samEncoder(
  source: Model,
  padding: ArrayLike<number>,
  layers: TinyVitOptions,
  options: GraphBuilderOptions = {},
): Model {
  const graph = new GraphBuilder('sam_encoder', options);
  const image = graph.input('image', 'uint8', [1, 'height', 'width', 3]);
  const sizes = graph.input('sizes', 'int64', [1, 2]);
  const planes = normalized(graph, image, sizes);
  const size = sizeOf(graph, planes);
  const most = graph.int64([1], [gridSide]);
  const filled = graph.node('Add', [size, graph.int64([1], [cellPixels * (marginCells + 1) - 1])]);
  const grid = graph.node('Min', [graph.node('Div', [filled, graph.int64([1], [cellPixels])]), most]);
  const pixels = padTo(graph, planes, size, graph.node('Mul', [grid, graph.int64([1], [cellPixels])]));
  const [rows = '', columns = ''] = graph.nodeWithOutputs(2, 'Split', [grid, graph.int64([2], [1, 1])], { axis: 0 });

  const embedding = tinyVit(graph, new TinyVitWeights(source.graph), { pixels, rows, columns }, layers);
  const whole = graph.weight([1, width, gridSide, gridSide], padding);
  const beside = slice(graph, slice(graph, whole, 2, graph.int64([1], [0]), rows), 3, columns, most);
  const upper = graph.node('Concat', [embedding, beside], { axis: 3 });
  const square = graph.node('Concat', [upper, slice(graph, whole, 2, rows, most)], { axis: 2 });
  const shape = graph.int64([4], [1, width, gridSide, gridSide]);
  embeddingOutput(graph, graph.node('Reshape', [square, shape]), 1);
  return graph.model();
}

/** Positions `start` to `end`, both int64 [1], of an axis. */
function slice(graph: GraphBuilder, value: string, axis: number, start: string, end: string): string {
  return graph.node('Slice', [value, start, end, graph.int64([1], [axis])]);
}

/**
 * SAM's image encoder with its pre-processing in the graph, for a batch of B images on an accelerator. Inputs: `image` uint8
 * [B, height, width, 3], RGB, each image resized so that its longer side has 1024 pixels, and zeros to the right and
 * below of those that are smaller than the largest; `sizes` int64 [B, 2], the height and width of each image. Output
 * `embedding`: [B, 256, 64, 64], float16 unless `weightType` is float32. `source` is an exported encoder with one input of normalised pixels
 * [B, 3, 1024, 1024] and one output. The padding to the right and below is zero after the normalisation, as in Kirillov
 * et al.'s `Sam.preprocess`.
 */
export function batchedSamEncoder(source: Model, options: GraphBuilderOptions = {}): Model {
  const graph = new GraphBuilder('sam_encoder', options);
  const [input] = source.graph.inputs;
  const [output] = source.graph.outputs;
  if (!input || !output) throw new TypeError('the SAM encoder has no input or no output');

  const image = graph.input('image', 'uint8', ['batch', 'height', 'width', 3]);
  const sizes = graph.input('sizes', 'int64', ['batch', 2]);
  graph.include(anyBatch(source.graph), { [input.name]: paddedSquare(graph, normalized(graph, image, sizes)) });
  embeddingOutput(graph, output.name, 'batch');
  return graph.model(source.operatorSets['']);
}

/** Embeddings are kept by the hundred, so they take two bytes a value, as the weights do. */
function embeddingOutput(graph: GraphBuilder, value: string, batch: number | string): void {
  const { weightType } = graph;
  graph.output('embedding', graph.cast(value, weightType), weightType, [batch, width, gridSide, gridSide]);
}

/** The graph with the batch of one that some of its reshapes state replaced by that of their input. */
function anyBatch(graph: Graph): Graph {
  const targets = new Set(
    graph.nodes.flatMap(({ operator, inputs: [, shape] }) => (operator === 'Reshape' ? shape : [])),
  );
  const nodes = graph.nodes.map((node) => {
    const { value } = node.attributes;
    const [name = ''] = node.outputs;
    if (node.operator !== 'Constant' || !targets.has(name) || typeof value !== 'object' || !('tensor' in value)) {
      return node;
    }
    const [batch, ...rest] = toIntegers(value.tensor);
    // In a reshape's target 0 stands for the size that the input has there.
    return batch === 1
      ? { ...node, attributes: { value: { tensor: int64Tensor(value.tensor.dims, [0, ...rest]) } } }
      : node;
  });
  return { ...graph, nodes };
}

/**
 * [B, height, width, 3] → [B, 3, height, width]; bytes are cheaper to transpose, and whole planes to normalise. Padding
 * stays zero: to the right since nothing is subtracted there, below since the deviation there is infinite.
 */
function normalized(graph: GraphBuilder, image: string, sizes: string): string {
  const planes = graph.cast(graph.node('Transpose', [image], { perm: [0, 3, 1, 2] }), 'float32');
  const zero = graph.float32([], [0]);
  const infinity = graph.float32([], [Infinity]);
  const isColumn = alongAxis(graph, isInside(graph, planes, sizes, 1), 3);
  const isRow = alongAxis(graph, isInside(graph, planes, sizes, 0), 2);
  const mean = graph.node('Where', [isColumn, graph.float32([3, 1, 1], pixelMean), zero]);
  const deviation = graph.node('Where', [isRow, graph.float32([3, 1, 1], pixelDeviation), infinity]);
  return graph.node('Div', [graph.node('Sub', [planes, mean]), deviation]);
}

/** Which rows (`side` 0) or columns (1) of `planes` belong to each image: bool [B, height or width]. */
function isInside(graph: GraphBuilder, planes: string, sizes: string, side: 0 | 1): string {
  const length = graph.node('Gather', [graph.node('Shape', [planes]), graph.int64([], [2 + side])]);
  const places = graph.node('Range', [graph.int64([], [0]), length, graph.int64([], [1])]);
  return graph.node('Less', [places, graph.node('Gather', [sizes, graph.int64([1], [side])], { axis: 1 })]);
}

/** [B, length] → [B, 1, length, 1] or [B, 1, 1, length]. Reshape is the same in every operator set. */
function alongAxis(graph: GraphBuilder, value: string, axis: 2 | 3): string {
  const dims = [0, 1, 1, 1].map((dim, index) => (index === axis ? -1 : dim));
  return graph.node('Reshape', [value, graph.int64([4], dims)]);
}

/** [B, 3, height, width] → [B, 3, 1024, 1024]. The runtime plans the whole encoder with the sizes that Reshape states. */
function paddedSquare(graph: GraphBuilder, pixels: string): string {
  const padded = padTo(graph, pixels, sizeOf(graph, pixels), graph.int64([2], [imageSize, imageSize]));
  return graph.node('Reshape', [padded, graph.int64([4], [-1, 3, imageSize, imageSize])]);
}
