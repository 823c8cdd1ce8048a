import type { GraphBuilderOptions } from '../onnx/graph-builder.js';
import { GraphBuilder } from '../onnx/graph-builder.js';
import type { Model } from '../onnx/model.js';
import { refinedMasks, type MaskMaps } from './mask-refinement.js';
import type { ImageCells, Tokens } from './sam-attention.js';
import { imageToTokens, selfAttention, tokensToImage } from './sam-attention.js';
import { SamLayers } from './sam-layers.js';
import { gridSize, imageSize, maskSize } from './sam-sizes.js';
import { permute, SamWeights } from './sam-weights.js';

const cellCount = gridSize * gridSize;
const width = 256;
/** The first is for prompts that leave no doubt about the extent, the others for ambiguous ones. */
const maskCount = 4;
const transformerLayers = ['layers.0', 'layers.1'];

export interface SamDecoderOptions extends GraphBuilderOptions {
  /** Corrects the masks of boxes, see {@link refinedMasks}; its operator set becomes that of the whole. */
  readonly refiner?: Model;
}

/** Labels of points, in the order of the encoder's embeddings for them: padding is -1, a box's corners are 2 and 3. */
const labelEmbeddings = ['not_a_point_embed', ...[0, 1, 2, 3].map((label) => `point_embeddings.${label}`)];

/**
 * SAM's prompt encoder and mask decoder, any number of prompts in one run as long as they have the same number of
 * points and embeddings. Inputs:
 *
 * - `embedding` [1, 256, 64, 64], of the image, float16 unless `weightType` is float32;
 * - `points` float32 [prompts, points, 2], x and y in pixels of the encoder's 1024 × 1024 input;
 * - `labels` int64 [prompts, points]: 1 for a point of the object, 0 for one beside it, 2 and 3 for the upper left and
 *   lower right corner of a box, -1 for padding, which SAM expects once beside points without a box;
 * - `prompt_embeddings` float32 [prompts, embeddings, 256]: tokens that another model made in place of points.
 *
 * Outputs: `low_res_masks` float32 [prompts, 256, 256], logits over the padded square, and `iou` float32 [prompts], how
 * well the mask is predicted to fit. A single point leaves the object's extent open, so the mask is the
 * one of SAM's last three with the highest predicted IoU; for all other prompts it is SAM's first.
 *
 * The network is that of Kirillov et al., "Segment Anything" (2023), appendix A, with the weights of `source`, the
 * official ONNX export. It is described anew because the export takes one prompt at a time and spends most of its time
 * on projecting all 4 096 image cells for seven tokens' sake; see `tokensToImage`.
 *
 * With a `refiner` the masks of prompts that are a box and nothing else are corrected by it. What it gets are the inner values
 * `mask_pixels` and `unrefined_masks`, by which its training finds them.
 */
export function samDecoder(source: Model, { refiner, ...options }: SamDecoderOptions = {}): Model {
  const graph = new GraphBuilder('sam_decoder', options);
  const layers = new SamLayers(graph, new SamWeights(source.graph));
  const kept = graph.input('embedding', graph.weightType, [1, width, gridSize, gridSize]);
  const embedding = graph.cast(kept, 'float32');
  const points = graph.input('points', 'float32', ['prompts', 'points', 2]);
  const labels = graph.input('labels', 'int64', ['prompts', 'points']);
  const embeddings = graph.input('prompt_embeddings', 'float32', ['prompts', 'embeddings', width]);

  const prompt = promptTokens(layers, points, labels, embeddings);
  const { tokens, image } = twoWayTransformer(layers, prompt, imageCells(layers, embedding));
  const quality = perceptron(layers, layers.slice(tokens, 1, 0, 1), 'iou_prediction_head');
  const qualities = layers.reshape(quality, [-1, maskCount]);
  const mask = chosenMask(layers, qualities, labels, embeddings);
  const filters = Array.from({ length: maskCount }, (_, index) =>
    perceptron(layers, layers.slice(tokens, 1, index + 1, index + 2), `output_hypernetworks_mlps.${index}`),
  );
  const filter = ofMask(layers, graph.node('Concat', filters, { axis: 1 }), mask);
  const unrefined = maskLogits(layers, image, filter);
  const masks = refiner === undefined ? unrefined.logits : refinedMasks(layers, refiner, unrefined, { points, labels });
  graph.output('low_res_masks', masks, 'float32', ['prompts', maskSize, maskSize]);
  graph.output('iou', ofMask(layers, qualities, mask), 'float32', ['prompts']);
  return graph.model(refiner?.operatorSets['']);
}

/** The learned output tokens followed by those of each prompt: float32 [prompts, 5 + points + embeddings, 256]. */
function promptTokens(layers: SamLayers, points: string, labels: string, embeddings: string): string {
  const { graph, weights } = layers;
  const unitPoints = graph.node('Div', [layers.add(points, graph.float32([], [0.5])), graph.float32([], [imageSize])]);
  const isPoint = graph.cast(graph.node('GreaterOrEqual', [labels, graph.int64([], [0])]), 'float32');
  const positions = graph.node('Mul', [
    positionalEncoding(layers, unitPoints),
    graph.node('Unsqueeze', [isPoint, graph.int64([1], [-1])]),
  ]);
  const kinds = labelEmbeddings.flatMap((name) =>
    Array.from(weights.array(`model.prompt_encoder.${name}.weight`).values),
  );
  const kindTable = graph.float32([labelEmbeddings.length, width], kinds);
  const kindTokens = graph.node('Gather', [kindTable, layers.add(labels, graph.int64([], [1]))]);
  const pointTokens = layers.add(positions, kindTokens);

  const learned = weights.array('onnx::Expand_1921');
  const promptCount = graph.node('Shape', [points], { start: 0, end: 1 });
  const shape = graph.node('Concat', [promptCount, graph.int64([2], learned.dims.slice(1))], { axis: 0 });
  const outputTokens = graph.node('Expand', [graph.float32(learned.dims, learned.values), shape]);
  return graph.node('Concat', [outputTokens, pointTokens, embeddings], { axis: 1 });
}

/** Which of SAM's masks is the answer to each prompt, int64 [prompts, 1], by its predicted qualities [prompts, 4]. */
function chosenMask(layers: SamLayers, qualities: string, labels: string, embeddings: string): string {
  const { graph } = layers;
  const isPoint = graph.cast(graph.node('GreaterOrEqual', [labels, graph.int64([], [0])]), 'int64');
  const pointCount = graph.node('ReduceSum', [isPoint, graph.int64([1], [1])]);
  const embeddingCount = graph.node('Shape', [embeddings], { start: 1, end: 2 });
  const isSinglePoint = graph.node('And', [
    graph.node('Equal', [pointCount, graph.int64([], [1])]),
    graph.node('Equal', [embeddingCount, graph.int64([], [0])]),
  ]);
  const best = graph.node('ArgMax', [layers.slice(qualities, 1, 1, maskCount)], { axis: 1 });
  return graph.node('Where', [isSinglePoint, layers.add(best, graph.int64([], [1])), graph.int64([], [0])]);
}

/** Of a value with an axis for SAM's masks, [prompts, 4, …], the row of each prompt's `mask`: [prompts, …]. */
function ofMask({ graph }: SamLayers, value: string, mask: string): string {
  return graph.node('GatherND', [value, mask], { batch_dims: 1 });
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

/** Both results are float32, `tokens` [prompts, tokens, 256] and `image` [prompts, 4096, 256]. */
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
 * Upscales the image four times and compares every pixel with `filter`, float32 [prompts, 32]. The two transposed
 * convolutions have stride = kernel = 2, so each is one product per cell; the pixels of a cell stay together until the
 * last step puts the logits, a fraction of the data, into rows.
 */
function maskLogits(layers: SamLayers, image: string, filter: string): MaskMaps {
  const { graph, weights } = layers;
  const quarters = upscale(layers, image, cellCount, 'output_upscaling.0');
  const scale = graph.float32([64], weights.array('onnx::Mul_1984').values);
  const shift = graph.float32([64], weights.array('onnx::Add_1986').values);
  const normalized = graph.node('LayerNormalization', [quarters, scale, shift], { epsilon: { float: 1e-6 } });
  const pixels = layers.gelu(upscale(layers, layers.gelu(normalized), 4 * cellCount, 'output_upscaling.3'));

  // Axes: prompt, cell row and column, row and column in the cell, row and column in its quarter.
  const similarity = layers.multiply(pixels, layers.reshape(filter, [0, -1, 1]));
  const cells = layers.reshape(similarity, [-1, gridSize, gridSize, 2, 2, 2, 2]);
  const logits = layers.reshape(layers.transpose(cells, [0, 1, 3, 5, 2, 4, 6]), [-1, maskSize, maskSize]);
  return { pixels, logits };
}

/** A transposed convolution with stride 2 of [prompts, cells, channels]: [prompts, cells × 4, channels of the output]. */
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

function perceptron(layers: SamLayers, value: string, name: string): string {
  return layers.perceptron(
    value,
    [0, 1, 2].map((index) => layers.weights.linear(`${name}.layers.${index}`)),
  );
}
