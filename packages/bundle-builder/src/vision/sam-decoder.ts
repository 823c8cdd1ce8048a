import type { GraphBuilderOptions } from '../onnx/graph-builder.js';
import { GraphBuilder } from '../onnx/graph-builder.js';
import type { Model } from '../onnx/model.js';
import type { ImageCells, Tokens } from './sam-attention.js';
import { imageToTokens, selfAttention, tokensToImage } from './sam-attention.js';
import { SamLayers } from './sam-layers.js';
import { permute, SamWeights } from './sam-weights.js';

const imageSize = 1024;
const gridSize = 64;
const cellCount = gridSize * gridSize;
const width = 256;
const maskSize = 256;
const transformerLayers = ['layers.0', 'layers.1'];

/**
 * SAM's prompt encoder and mask decoder for boxes, any number of them in one run. Inputs: `embedding` float32
 * [1, 256, 64, 64], `boxes` float32 [boxes, 4] as x0, y0, x1, y1 in pixels of the encoder's 1024 × 1024 input. Outputs:
 * `low_res_masks` float32 [boxes, 256, 256], logits over the padded square, and `iou` float32 [boxes], how well the mask
 * is predicted to fit. Of SAM's four masks it is the first, the one for prompts that leave no doubt about the extent.
 *
 * The network is that of Kirillov et al., "Segment Anything" (2023), appendix A, with the weights of `source`, the
 * official ONNX export. It is described anew because the export takes one prompt at a time and spends most of its time
 * on projecting all 4 096 image cells for seven tokens' sake; see `tokensToImage`.
 */
export function samDecoder(source: Model, options: GraphBuilderOptions = {}): Model {
  const graph = new GraphBuilder('sam_decoder', options);
  const layers = new SamLayers(graph, new SamWeights(source.graph));
  const embedding = graph.input('embedding', 'float32', [1, width, gridSize, gridSize]);
  const boxes = graph.input('boxes', 'float32', ['boxes', 4]);

  const { tokens, image } = twoWayTransformer(layers, promptTokens(layers, boxes), imageCells(layers, embedding));
  const masks = maskLogits(layers, image, layers.slice(tokens, 1, 1, 2));
  graph.output('low_res_masks', masks, 'float32', ['boxes', maskSize, maskSize]);
  const quality = perceptron(layers, layers.slice(tokens, 1, 0, 1), 'iou_prediction_head');
  graph.output('iou', layers.reshape(layers.slice(quality, 2, 0, 1), [-1]), 'float32', ['boxes']);
  return graph.model();
}

/** The learned output tokens followed by the two corners of each box: float32 [boxes, 7, 256]. */
function promptTokens(layers: SamLayers, boxes: string): string {
  const { graph, weights } = layers;
  const corners = layers.reshape(boxes, [-1, 2, 2]);
  const unitCorners = graph.node('Div', [
    layers.add(corners, graph.float32([], [0.5])),
    graph.float32([], [imageSize]),
  ]);
  const kinds = [2, 3].flatMap((kind) => {
    return Array.from(weights.array(`model.prompt_encoder.point_embeddings.${kind}.weight`).values);
  });
  const cornerTokens = layers.add(positionalEncoding(layers, unitCorners), graph.float32([1, 2, width], kinds));

  const learned = weights.array('onnx::Expand_1921');
  const boxCount = graph.node('Shape', [boxes], { start: 0, end: 1 });
  const shape = graph.node('Concat', [boxCount, graph.int64([2], learned.dims.slice(1))], { axis: 0 });
  const outputTokens = graph.node('Expand', [graph.float32(learned.dims, learned.values), shape]);
  return graph.node('Concat', [outputTokens, cornerTokens], { axis: 1 });
}

/** The embedding, with the code for "no mask prompt" added, cell by cell: float32 [1, 4096, 256]. */
function imageCells(layers: SamLayers, embedding: string): string {
  const { dims, values } = layers.weights.array('onnx::Mul_1919');
  const prompted = layers.add(embedding, layers.graph.float32(dims, values));
  return layers.transpose(layers.reshape(prompted, [1, width, cellCount]), [0, 2, 1]);
}

/** The positional encoding of the image's cells: float32 [4096, 256]. */
function cellPositions(layers: SamLayers): string {
  const centres = Array.from({ length: cellCount }, (_, cell) => {
    return [((cell % gridSize) + 0.5) / gridSize, (Math.floor(cell / gridSize) + 0.5) / gridSize];
  });
  return positionalEncoding(layers, layers.graph.float32([cellCount, 2], centres.flat()));
}

/** Random Fourier features of `points`, float32 [..., 2] as x, y in [0, 1]: float32 [..., 256]. */
function positionalEncoding({ graph, weights }: SamLayers, points: string): string {
  const { dims, values } = weights.array('model.prompt_encoder.pe_layer.positional_encoding_gaussian_matrix');
  const centred = graph.node('Sub', [graph.node('Mul', [points, graph.float32([], [2])]), graph.float32([], [1])]);
  const projected = graph.node('MatMul', [centred, graph.float32(dims, values)]);
  const angles = graph.node('Mul', [projected, graph.float32([], [2 * Math.PI])]);
  return graph.node('Concat', [graph.node('Sin', [angles]), graph.node('Cos', [angles])], { axis: -1 });
}

/** Both results are float32, `tokens` [boxes, 7, 256] and `image` [boxes, 4096, 256]. */
function twoWayTransformer(layers: SamLayers, prompt: string, cells: string): { tokens: string; image: string } {
  const positions = cellPositions(layers);
  const positionedTokens = (content: string): Tokens => ({ content, positioned: layers.add(content, prompt) });
  const positionedImage = (content: string): ImageCells => ({ content, positioned: layers.add(content, positions) });

  let tokens: Tokens = { content: prompt, positioned: prompt };
  let image = positionedImage(cells);
  for (const [index, layer] of transformerLayers.entries()) {
    const update = (change: string, norm: string): Tokens => {
      return positionedTokens(layers.normalize(layers.add(tokens.content, change), `${layer}.${norm}`));
    };
    const attended = selfAttention(layers, `${layer}.self_attn`, tokens);
    // The first layer's self-attention replaces the tokens instead of adding to them.
    tokens = index === 0 ? positionedTokens(layers.normalize(attended, `${layer}.norm1`)) : update(attended, 'norm1');
    tokens = update(tokensToImage(layers, `${layer}.cross_attn_token_to_image`, tokens, image), 'norm2');
    const hidden = layers.linear(tokens.content, layers.weights.transformerLinear(`${layer}.mlp`, 'lin1'));
    const activated = layers.graph.node('Relu', [hidden]);
    tokens = update(layers.linear(activated, layers.weights.transformerLinear(`${layer}.mlp`, 'lin2')), 'norm3');
    const change = imageToTokens(layers, `${layer}.cross_attn_image_to_token`, tokens, image);
    image = positionedImage(layers.normalize(layers.add(image.content, change), `${layer}.norm4`));
  }
  const change = tokensToImage(layers, 'final_attn_token_to_image', tokens, image);
  const final = layers.normalize(layers.add(tokens.content, change), 'norm_final_attn');
  return { tokens: final, image: image.content };
}

/**
 * Upscales the image four times and compares every pixel with the mask token, float32 [boxes, 1, 256]; the result is
 * float32 [boxes, 256, 256]. The two transposed convolutions have stride = kernel = 2, so each is one product per cell;
 * the pixels of a cell stay together until the last step puts the logits, a fraction of the data, into rows.
 */
function maskLogits(layers: SamLayers, image: string, maskToken: string): string {
  const { graph, weights } = layers;
  const quarters = upscale(layers, image, cellCount, 'output_upscaling.0');
  const scale = graph.float32([64], weights.array('onnx::Mul_1984').values);
  const shift = graph.float32([64], weights.array('onnx::Add_1986').values);
  const normalized = graph.node('LayerNormalization', [quarters, scale, shift], { epsilon: { float: 1e-6 } });
  const pixels = gelu(layers, upscale(layers, gelu(layers, normalized), 4 * cellCount, 'output_upscaling.3'));

  const filter = layers.transpose(perceptron(layers, maskToken, 'output_hypernetworks_mlps.0'), [0, 2, 1]);
  // Axes: box, cell row and column, row and column in the cell, row and column in its quarter.
  const logits = layers.reshape(layers.multiply(pixels, filter), [-1, gridSize, gridSize, 2, 2, 2, 2]);
  return layers.reshape(layers.transpose(logits, [0, 1, 3, 5, 2, 4, 6]), [-1, maskSize, maskSize]);
}

/** A transposed convolution with stride 2 of [boxes, cells, channels]: [boxes, cells × 4, channels of the output]. */
function upscale(layers: SamLayers, value: string, cells: number, name: string): string {
  const { graph, weights } = layers;
  const kernel = weights.array(`mask_decoder.${name}.weight`);
  const [inputs = 0, outputs = 0] = kernel.dims;
  const bias = Array.from(weights.array(`mask_decoder.${name}.bias`).values);
  const product = graph.node('Gemm', [
    layers.reshape(value, [-1, inputs]),
    graph.weight([inputs, 4 * outputs], permute(kernel, [0, 2, 3, 1])),
    graph.float32([4 * outputs], [bias, bias, bias, bias].flat()),
  ]);
  return layers.reshape(product, [-1, 4 * cells, outputs]);
}

function gelu({ graph }: SamLayers, value: string): string {
  return graph.node('Gelu', [value], {}, { domain: 'com.microsoft' });
}

function perceptron(layers: SamLayers, value: string, name: string): string {
  return layers.perceptron(
    value,
    [0, 1, 2].map((index) => layers.weights.linear(`${name}.layers.${index}`)),
  );
}
