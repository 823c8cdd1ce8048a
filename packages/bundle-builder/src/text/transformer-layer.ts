import type { GraphBuilder } from '../onnx/graph-builder.js';
import type { TfjsWeight } from '../tfjs/graph-model.js';

const HEADS = 4;
const EPSILON = 1e-6;

export interface Dense {
  readonly kernel: TfjsWeight;
  readonly bias: TfjsWeight;
}

interface Norm {
  readonly scale: TfjsWeight;
  readonly bias: TfjsWeight;
}

/** Weights of a pre-norm transformer layer from width `d` to width `e`. */
export interface LayerWeights {
  readonly attentionNorm: Norm;
  /** `[d, 3d]`: queries, keys and values side by side. */
  readonly queryKeyValue: Dense;
  /** `[d, e]` */
  readonly attentionOutput: Dense;
  /** `[d, e]`, for the residual of a layer that changes the width. */
  readonly residual?: Dense;
  readonly feedForwardNorm: Norm;
  /** `[e, f]` */
  readonly feedForwardIn: Dense;
  /** `[f, e]` */
  readonly feedForwardOut: Dense;
}

/**
 * Adds a transformer layer.
 *
 * @param states - value `[B, T, d]`
 * @param attentionBias - value `[B, 1, 1, T]`, added to the attention logits of each key
 * @returns value `[B, T, e]`
 */
export function addTransformerLayer(
  graph: GraphBuilder,
  states: string,
  attentionBias: string,
  weights: LayerWeights,
): string {
  const attended = addAttention(graph, addNorm(graph, states, weights.attentionNorm), attentionBias, weights);
  const residual = weights.residual ? addDense(graph, states, weights.residual) : states;
  const middle = graph.node('Add', [attended, residual]);
  const normed = addNorm(graph, middle, weights.feedForwardNorm);
  const hidden = graph.node('Relu', [addDense(graph, normed, weights.feedForwardIn)]);
  return graph.node('Add', [addDense(graph, hidden, weights.feedForwardOut), middle]);
}

/** Adds `input · kernel + bias`; the kernel is stored as float16. Leading dimensions of 1 in the kernel are dropped. */
export function addDense(graph: GraphBuilder, input: string, { kernel, bias }: Dense): string {
  const product = graph.node('MatMul', [input, graph.weight(kernel.shape.slice(-2), kernel.values)]);
  return graph.node('Add', [product, graph.float32(bias.shape, bias.values)]);
}

function addNorm(graph: GraphBuilder, input: string, { scale, bias }: Norm): string {
  const parameters = [graph.float32(scale.shape, scale.values), graph.float32(bias.shape, bias.values)];
  return graph.node('LayerNormalization', [input, ...parameters], { axis: -1, epsilon: { float: EPSILON } });
}

function addAttention(
  graph: GraphBuilder,
  input: string,
  attentionBias: string,
  { attentionNorm, queryKeyValue, attentionOutput }: LayerWeights,
): string {
  const width = attentionNorm.scale.values.length;
  const headWidth = width / HEADS;
  const perHead = graph.node('Reshape', [
    addDense(graph, input, queryKeyValue),
    graph.int64([5], [0, 0, 3, HEADS, headWidth]),
  ]);
  const part = (index: number, perm: readonly number[]): string => {
    const heads = graph.node('Gather', [perHead, graph.int64([], [index])], { axis: 2 });
    return graph.node('Transpose', [heads], { perm });
  };
  const query = graph.node('Mul', [part(0, [0, 2, 1, 3]), graph.float32([], [headWidth ** -0.5])]);
  const logits = graph.node('Add', [graph.node('MatMul', [query, part(1, [0, 2, 3, 1])]), attentionBias]);
  const context = graph.node('MatMul', [graph.node('Softmax', [logits], { axis: -1 }), part(2, [0, 2, 1, 3])]);
  const merged = graph.node('Reshape', [
    graph.node('Transpose', [context], { perm: [0, 2, 1, 3] }),
    graph.int64([3], [0, 0, width]),
  ]);
  return addDense(graph, merged, attentionOutput);
}
