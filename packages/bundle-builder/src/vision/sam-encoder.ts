import type { GraphBuilderOptions } from '../onnx/graph-builder.js';
import { GraphBuilder } from '../onnx/graph-builder.js';
import type { Graph, Model } from '../onnx/model.js';
import { int64Tensor, toIntegers } from '../onnx/tensor.js';

const imageSize = 1024;
const pixelMean = [123.675, 116.28, 103.53];
const pixelDeviation = [58.395, 57.12, 57.375];

/**
 * SAM's image encoder with its pre-processing in the graph, for a batch of B images. Inputs: `image` uint8
 * [B, height, width, 3], RGB, each image resized so that its longer side has 1024 pixels, and zeros to the right and
 * below of those that are smaller than the largest; `sizes` int64 [B, 2], the height and width of each image. Output
 * `embedding`: float32 [B, 256, 64, 64]. `source` is an exported encoder with one input of normalised pixels
 * [B, 3, 1024, 1024] and one output. The padding to the right and below is zero after the normalisation, as in Kirillov
 * et al.'s `Sam.preprocess`.
 */
export function samEncoder(source: Model, options: GraphBuilderOptions = {}): Model {
  const graph = new GraphBuilder('sam_encoder', options);
  const [input] = source.graph.inputs;
  const [output] = source.graph.outputs;
  if (!input || !output) throw new TypeError('the SAM encoder has no input or no output');

  const image = graph.input('image', 'uint8', ['batch', 'height', 'width', 3]);
  const sizes = graph.input('sizes', 'int64', ['batch', 2]);
  graph.include(anyBatch(source.graph), input.name, paddedSquare(graph, normalized(graph, image, sizes)));
  graph.output('embedding', output.name, 'float32', ['batch', 256, 64, 64]);
  return graph.model(source.operatorSets['']);
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
  const isColumn = graph.node('Unsqueeze', [isInside(graph, planes, sizes, 1)], { axes: [1, 2] });
  const isRow = graph.node('Unsqueeze', [isInside(graph, planes, sizes, 0)], { axes: [1, 3] });
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

/** [B, 3, height, width] → [B, 3, 1024, 1024]. The runtime plans the whole encoder with the sizes that Reshape states. */
function paddedSquare(graph: GraphBuilder, pixels: string): string {
  const size = graph.node('Gather', [graph.node('Shape', [pixels]), graph.int64([2], [2, 3])]);
  const missing = graph.node('Sub', [graph.int64([2], [imageSize, imageSize]), size]);
  const before = graph.int64([6], [0, 0, 0, 0, 0, 0]);
  const padded = graph.node('Pad', [pixels, graph.node('Concat', [before, missing], { axis: 0 })]);
  return graph.node('Reshape', [padded, graph.int64([4], [-1, 3, imageSize, imageSize])]);
}
