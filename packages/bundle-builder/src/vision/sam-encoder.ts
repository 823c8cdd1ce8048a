import type { GraphBuilderOptions } from '../onnx/graph-builder.js';
import { GraphBuilder } from '../onnx/graph-builder.js';
import type { Model } from '../onnx/model.js';

const imageSize = 1024;
const pixelMean = [123.675, 116.28, 103.53];
const pixelDeviation = [58.395, 57.12, 57.375];

/**
 * SAM's image encoder with its pre-processing in the graph. Input `image`: uint8 [1, height, width, 3], RGB, resized so
 * that the longer side has 1024 pixels. Output `embedding`: float32 [1, 256, 64, 64]. `source` is an exported encoder
 * with one input of normalised pixels [1, 3, 1024, 1024] and one output. The padding to the right and below comes after
 * the normalisation, as in Kirillov et al.'s `Sam.preprocess`.
 */
export function samEncoder(source: Model, options: GraphBuilderOptions = {}): Model {
  const graph = new GraphBuilder('sam_encoder', options);
  const [input] = source.graph.inputs;
  const [output] = source.graph.outputs;
  if (!input || !output) throw new TypeError('the SAM encoder has no input or no output');

  const image = graph.input('image', 'uint8', [1, 'height', 'width', 3]);
  graph.include(source.graph, input.name, paddedSquare(graph, normalized(graph, image)));
  graph.output('embedding', output.name, 'float32', [1, 256, 64, 64]);
  return graph.model(source.operatorSets['']);
}

/** [1, height, width, 3] → [1, 3, height, width]; bytes are cheaper to transpose, and whole planes to normalise. */
function normalized(graph: GraphBuilder, image: string): string {
  const planes = graph.cast(graph.node('Transpose', [image], { perm: [0, 3, 1, 2] }), 'float32');
  const centred = graph.node('Sub', [planes, graph.float32([3, 1, 1], pixelMean)]);
  return graph.node('Div', [centred, graph.float32([3, 1, 1], pixelDeviation)]);
}

/** [1, 3, height, width] → [1, 3, 1024, 1024]. The runtime plans the whole encoder with the shape that Reshape states. */
function paddedSquare(graph: GraphBuilder, pixels: string): string {
  const size = graph.node('Gather', [graph.node('Shape', [pixels]), graph.int64([2], [2, 3])]);
  const missing = graph.node('Sub', [graph.int64([2], [imageSize, imageSize]), size]);
  const before = graph.int64([6], [0, 0, 0, 0, 0, 0]);
  const padded = graph.node('Pad', [pixels, graph.node('Concat', [before, missing], { axis: 0 })]);
  return graph.node('Reshape', [padded, graph.int64([4], [1, 3, imageSize, imageSize])]);
}
