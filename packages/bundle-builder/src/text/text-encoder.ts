import type { UnigramDefinition } from '@tessera/tokenizer';

import { GraphBuilder } from '../onnx/graph-builder.js';
import type { Model } from '../onnx/model.js';
import { float16Tensor } from '../onnx/tensor.js';
import { readWeightFile } from '../weights.js';
import {
  readSentenceEncoderWeights,
  sentenceEncoderPackage,
  type SentenceEncoderWeights,
} from './sentence-encoder-weights.js';
import { addDense, addTransformerLayer, type Dense } from './transformer-layer.js';

/** The model reads this many pieces of a text and ignores the rest. */
const MAXIMUM_LENGTH = 128;
const EMBEDDING_WIDTH = 256;
const STATE_WIDTH = 512;
/** Control pieces that lead the vocabulary; the first of them stands for unknown text. */
const RESERVED_PIECES = 6;
const UNKNOWN_ID = 0;

/** A text encoder and the tokenizer that makes its input. */
export interface TextEncoder {
  /** See {@link buildTextEncoder}. */
  readonly model: Model;
  readonly tokenizer: UnigramDefinition;
}

/**
 * Universal Sentence Encoder lite (Cer et al., 2018) with its published weights, as an ONNX model of dense operators.
 *
 * Inputs: `ids` int64 `[B, T]`, padded with any valid id; `lengths` int64 `[B]`, the number of pieces of each text.
 * Outputs, with `S = min(T, 128)`: `sentence` float32 `[B, 512]` of unit length; `pieces` float32 `[B, S, 512]`, the
 * states after the last transformer layer, zero where padded. Throws when a weight file is not the expected one.
 */
export async function buildTextEncoder(): Promise<TextEncoder> {
  const [weights, tokenizer] = await Promise.all([readSentenceEncoderWeights(), sentenceEncoderTokenizer()]);
  return { model: describeTextEncoder(weights).model(), tokenizer };
}

/** The tokenizer of Universal Sentence Encoder lite. Throws `WeightFileError`. */
export async function sentenceEncoderTokenizer(): Promise<UnigramDefinition> {
  const file = await readWeightFile(sentenceEncoderPackage, 'dist/vocab.json');
  // Pieces and scores in id order; pieces that lost their score in the published file have `null`.
  const vocabulary = JSON.parse(file.toString()) as [piece: string, score: number | null][];
  return {
    type: 'unigram',
    pieces: vocabulary.map(([piece, score]) => [piece, score ?? 0] as const),
    unknown_id: UNKNOWN_ID,
    reserved: RESERVED_PIECES,
  };
}

function describeTextEncoder(weights: SentenceEncoderWeights): GraphBuilder {
  const graph = new GraphBuilder('universal-sentence-encoder-lite');
  const ids = addClipping(graph, graph.input('ids', 'int64', ['batch', 'length']));
  const lengths = graph.input('lengths', 'int64', ['batch']);
  const positions = addPositions(graph, ids);
  const isPiece = graph.node('Less', [positions, unsqueeze(graph, lengths, [1])]);
  const attentionBias = graph.node('Where', [
    unsqueeze(graph, isPiece, [1, 2]),
    graph.float32([], [0]),
    graph.float32([], [-1e9]),
  ]);

  let states = addEmbedding(graph, ids, positions, weights);
  for (const layer of weights.layers) states = addTransformerLayer(graph, states, attentionBias, layer);

  const mask = graph.cast(unsqueeze(graph, isPiece, [2]), 'float32');
  const pieces = graph.node('Mul', [states, mask]);
  graph.output('sentence', addPooling(graph, pieces, mask, weights.output), 'float32', ['batch', STATE_WIDTH]);
  graph.output('pieces', pieces, 'float32', ['batch', 'clipped_length', STATE_WIDTH]);
  return graph;
}

/** `[B, T]` → `[B, S]` */
function addClipping(graph: GraphBuilder, ids: string): string {
  return graph.node('Slice', [ids, graph.int64([1], [0]), graph.int64([1], [MAXIMUM_LENGTH]), graph.int64([1], [1])]);
}

/** `[B, S]` → 0, 1, … S − 1 as int64 `[S]` */
function addPositions(graph: GraphBuilder, ids: string): string {
  const length = graph.node('Squeeze', [graph.node('Shape', [ids], { start: 1, end: 2 })]);
  return graph.node('Range', [graph.int64([], [0]), length, graph.int64([], [1])]);
}

/** `[B, S]` → `[B, S, 256]`. The published model adds the embedding to itself along with the timing signal. */
function addEmbedding(
  graph: GraphBuilder,
  ids: string,
  positions: string,
  { embedding, frequencies }: SentenceEncoderWeights,
): string {
  const table = graph.constant(float16Tensor(embedding.shape, embedding.values));
  const embedded = graph.cast(graph.node('Gather', [table, ids], { axis: 0 }), 'float32');
  const timing = graph.float32([MAXIMUM_LENGTH, EMBEDDING_WIDTH], timingSignal(frequencies.values));
  return graph.node('Add', [
    graph.node('Mul', [embedded, graph.float32([], [2])]),
    graph.node('Gather', [timing, positions], { axis: 0 }),
  ]);
}

/** Sines, then cosines, of each position times each frequency: `[128, 256]` flattened. */
function timingSignal(frequencies: ArrayLike<number>): number[] {
  return Array.from({ length: MAXIMUM_LENGTH }, (_, position) => {
    const angles = Array.from(frequencies, (frequency) => Math.fround(position * frequency));
    return [...angles.map(Math.sin), ...angles.map(Math.cos)];
  }).flat();
}

/** Mean over the pieces, a tanh layer, unit length: `[B, S, 512]` → `[B, 512]`. The mean of no pieces is 0. */
function addPooling(graph: GraphBuilder, pieces: string, mask: string, output: Dense): string {
  const overPieces = graph.int64([1], [1]);
  const sum = graph.node('ReduceSum', [pieces, overPieces], { keepdims: 0 });
  const count = graph.node('ReduceSum', [mask, overPieces], { keepdims: 0 });
  const mean = graph.node('Div', [sum, graph.node('Max', [count, graph.float32([], [1])])]);
  const hidden = graph.node('Tanh', [addDense(graph, mean, output)]);
  return graph.node('Div', [hidden, graph.node('ReduceL2', [hidden], { axes: [-1], keepdims: 1 })]);
}

function unsqueeze(graph: GraphBuilder, value: string, axes: readonly number[]): string {
  return graph.node('Unsqueeze', [value, graph.int64([axes.length], axes)]);
}
