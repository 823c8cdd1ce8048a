import type { SamLayers } from './sam-layers.js';
import type { Linear } from './sam-weights.js';
import { permute } from './sam-weights.js';

const headCount = 8;
const width = 256;

/** The image as the decoder sees it; its batch is 1 until the first prompt has left its mark. */
export interface ImageCells {
  /** float32 [batch, cells, width] */
  readonly content: string;
  /** `content` with the positional encoding added */
  readonly positioned: string;
}

/** The tokens of every prompt. */
export interface Tokens {
  /** float32 [prompts, tokens, width] */
  readonly content: string;
  /** `content` with the initial tokens added as its positional encoding */
  readonly positioned: string;
}

/** Multi-head attention of the tokens to one another. Returns float32 [prompts, tokens, width], as do its siblings. */
export function selfAttention(layers: SamLayers, name: string, { content, positioned }: Tokens): string {
  const { query, key, value, output } = projections(layers, name);
  const queries = splitHeads(layers, layers.linear(positioned, scaledForHeads(query)));
  const keys = splitHeads(layers, layers.linear(positioned, key));
  const values = splitHeads(layers, layers.linear(content, value));
  const weights = softmax(layers, layers.multiply(queries, layers.transpose(keys, [0, 1, 3, 2])));
  return layers.linear(joinHeads(layers, layers.multiply(weights, values)), output);
}

/**
 * Multi-head attention of the tokens to the image. Instead of projecting every cell to a key and a value, the few
 * queries are carried back through the key projection, q · (x Wk)ᵀ = (q Wkᵀ) · xᵀ, and the attended cells forward
 * through the value projection. The key bias adds the same to all scores of a query, so softmax cancels it; the weights
 * of a query sum to one, so the value bias is added once.
 */
export function tokensToImage(layers: SamLayers, name: string, tokens: Tokens, image: ImageCells): string {
  const { query, key, value, output } = projections(layers, name);
  const queries = splitHeads(layers, layers.linear(tokens.positioned, scaledForHeads(query)));
  const carried = headsToRows(layers, layers.multiply(queries, headsOfOutputs(layers, key, [1, 2, 0])));
  const weights = softmax(layers, layers.multiply(carried, layers.transpose(image.positioned, [0, 2, 1])));
  const attended = rowsToHeads(layers, layers.multiply(weights, image.content));
  const values = joinHeads(layers, layers.multiply(attended, headsOfOutputs(layers, value, [1, 0, 2])));
  return layers.linear(layers.add(values, layers.graph.float32(value.bias.dims, value.bias.values)), output);
}

/**
 * Multi-head attention of the image to the tokens, float32 [prompts, cells, width]. As in `tokensToImage` only tokens are
 * projected: their keys back through the query projection, their values forward through the output projection. Here
 * the query bias differs from token to token and stays; the output bias comes in equal shares from the heads.
 */
export function imageToTokens(layers: SamLayers, name: string, tokens: Tokens, image: ImageCells): string {
  const { query, key, value, output } = projections(layers, name);
  const scaledQuery = scaledForHeads(query);
  const keys = splitHeads(layers, layers.linear(tokens.positioned, key));
  const carried = headsToRows(layers, layers.multiply(keys, headsOfOutputs(layers, scaledQuery, [1, 2, 0])));
  const queryBias = layers.graph.float32([headCount, headSize(query), 1], scaledQuery.bias.values);
  const offsets = layers.reshape(layers.multiply(keys, queryBias), [0, 1, -1]);
  const scores = layers.add(layers.multiply(image.positioned, layers.transpose(carried, [0, 2, 1])), offsets);

  const values = splitHeads(layers, layers.linear(tokens.content, value));
  const shareOfBias = layers.graph.float32(
    output.bias.dims,
    output.bias.values.map((element) => element / headCount),
  );
  const carriedValues = layers.add(layers.multiply(values, headsOfInputs(layers, output)), shareOfBias);
  const weights = softmax(layers, layers.reshape(scores, [0, 0, headCount, -1]));
  return layers.multiply(layers.reshape(weights, [0, 0, -1]), headsToRows(layers, carriedValues));
}

interface Projections {
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly output: Linear;
}

function projections({ weights }: SamLayers, name: string): Projections {
  return {
    query: weights.transformerLinear(name, 'q_proj'),
    key: weights.transformerLinear(name, 'k_proj'),
    value: weights.transformerLinear(name, 'v_proj'),
    output: weights.transformerLinear(name, 'out_proj'),
  };
}

function headSize({ bias }: Linear): number {
  return bias.values.length / headCount;
}

/** The query projection with the scores' factor, one over the square root of the head size, already in it. */
function scaledForHeads(query: Linear): Linear {
  const factor = headSize(query) ** -0.5;
  return {
    weight: { dims: query.weight.dims, values: query.weight.values.map((value) => value * factor) },
    bias: { dims: query.bias.dims, values: query.bias.values.map((value) => value * factor) },
  };
}

/** A projection's weight [in, heads × size] as a constant with the axes in, heads, size in another `order`. */
function headsOfOutputs({ graph }: SamLayers, layer: Linear, order: readonly number[]): string {
  const dims = [layer.weight.dims[0] ?? 0, headCount, headSize(layer)];
  const permuted = permute({ dims, values: layer.weight.values }, order);
  return graph.weight(
    order.map((axis) => dims[axis] ?? 0),
    permuted,
  );
}

/** A projection's weight [heads × size, out] as a constant [heads, size, out]. */
function headsOfInputs({ graph }: SamLayers, { weight }: Linear): string {
  const [inputs = 0, outputs = 0] = weight.dims;
  return graph.weight([headCount, inputs / headCount, outputs], weight.values);
}

/** [prompts, tokens, heads × size] → [prompts, heads, tokens, size] */
function splitHeads(layers: SamLayers, value: string): string {
  return layers.transpose(layers.reshape(value, [0, 0, headCount, -1]), [0, 2, 1, 3]);
}

/** [prompts, heads, tokens, size] → [prompts, tokens, heads × size] */
function joinHeads(layers: SamLayers, value: string): string {
  return layers.reshape(layers.transpose(value, [0, 2, 1, 3]), [0, 0, -1]);
}

function softmax({ graph }: SamLayers, scores: string): string {
  return graph.node('Softmax', [scores], { axis: -1 });
}

/** [prompts, heads, tokens, width] → [prompts, heads × tokens, width] */
function headsToRows(layers: SamLayers, value: string): string {
  return layers.reshape(value, [0, -1, width]);
}

/** [prompts, heads × tokens, width] → [prompts, heads, tokens, width] */
function rowsToHeads(layers: SamLayers, value: string): string {
  return layers.reshape(value, [0, headCount, -1, width]);
}
