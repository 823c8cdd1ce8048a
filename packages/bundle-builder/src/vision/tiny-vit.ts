import type { GraphBuilder } from '../onnx/graph-builder.js';
import { quantizeColumns } from '../onnx/quantization.js';
import { GraphLayers } from './graph-layers.js';
import { permute, type Linear, type WeightArray } from './sam-weights.js';
import { pathOf, type TinyVitWeights } from './tiny-vit-weights.js';

/** A stage of blocks with attention in windows of `window` × `window` cells, each cell `pixels` pixels wide and high. */
interface Stage {
  readonly index: number;
  readonly depth: number;
  readonly width: number;
  readonly window: number;
  readonly pixels: number;
}

const stages: readonly Stage[] = [
  { index: 1, depth: 2, width: 128, window: 7, pixels: 8 },
  { index: 2, depth: 6, width: 160, window: 14, pixels: 16 },
  { index: 3, depth: 2, width: 320, window: 7, pixels: 16 },
];
const headWidth = 32;
/** Pixels of a cell of the embedding. */
export const cellPixels = 16;

export interface TinyVitOptions {
  /** Fully connected layers in float32, or with integers of 8 bits: activations as the run finds them, weights as stored. */
  readonly linear: 'float32' | 'int8';
}

/**
 * TinyViT-5M as SAM's image encoder, for one image of any size: Wu et al., "TinyViT" (2022), with the neck of MobileSAM,
 * Zhang et al. (2023), and the weights of the official export. It is described anew since the export takes 1024 × 1024
 * pixels alone and spends a tenth of its time on moving tensors.
 *
 * @param pixels - float32 [1, 3, 16 · rows, 16 · columns], normalised
 * @param rows - int64 [1], of the embedding
 * @param columns - int64 [1]
 * @returns float32 [1, 256, rows, columns]
 */
export function tinyVit(
  graph: GraphBuilder,
  weights: TinyVitWeights,
  { pixels, rows, columns }: { readonly pixels: string; readonly rows: string; readonly columns: string },
  options: TinyVitOptions,
): string {
  const layers = new TinyVitLayers(graph, weights, { rows, columns }, options);
  let planes = layers.gelu(layers.convolution(pixels, '/patch_embed/seq/seq.0/c/Conv'));
  planes = layers.convolution(planes, '/patch_embed/seq/seq.2/c/Conv');
  for (const path of ['/layers.0/blocks.0', '/layers.0/blocks.1']) planes = layers.invertedBottleneck(planes, path);
  for (const stage of stages) {
    planes = layers.merge(planes, `/layers.${stage.index - 1}/downsample`);
    let tokens = layers.tokens(planes, stage.width);
    for (let block = 0; block < stage.depth; block += 1) tokens = layers.block(tokens, stage, block);
    planes = layers.planes(tokens, stage);
  }
  planes = layers.normalizeChannels(layers.convolution(planes, '/neck/neck.0/Conv'), '/neck/neck.1');
  return layers.normalizeChannels(layers.convolution(planes, '/neck/neck.2/Conv'), '/neck/neck.3');
}

/**
 * The layers of the network in one graph. Convolutions see planes, [1, channels, rows, columns]; everything else sees
 * tokens, [rows · columns, channels], row by row.
 */
class TinyVitLayers extends GraphLayers {
  readonly #weights: TinyVitWeights;
  readonly #grid: { readonly rows: string; readonly columns: string };
  readonly #options: TinyVitOptions;

  constructor(
    graph: GraphBuilder,
    weights: TinyVitWeights,
    grid: { readonly rows: string; readonly columns: string },
    options: TinyVitOptions,
  ) {
    super(graph);
    this.#weights = weights;
    this.#grid = grid;
    this.#options = options;
  }

  /** The block of the first stage. */
  invertedBottleneck(planes: string, path: string): string {
    const expanded = this.gelu(this.convolution(planes, `${path}/conv1/c/Conv`));
    const mixed = this.gelu(this.convolution(expanded, `${path}/conv2/c/Conv`));
    return this.gelu(this.add(this.convolution(mixed, `${path}/conv3/c/Conv`), planes));
  }

  /** Between two stages: fewer cells or more channels. */
  merge(planes: string, path: string): string {
    const expanded = this.gelu(this.convolution(planes, `${path}/conv1/c/Conv`));
    return this.convolution(this.gelu(this.convolution(expanded, `${path}/conv2/c/Conv`)), `${path}/conv3/c/Conv`);
  }

  /** Attention within windows, a convolution of each channel with its neighbours, and a feed-forward network. */
  block(tokens: string, stage: Stage, index: number): string {
    const module = `layers.${stage.index}.blocks.${index}`;
    const attended = this.add(tokens, this.#windowAttention(tokens, stage, `${module}.attn`));
    const mixed = this.convolution(this.planes(attended, stage), `${pathOf(module)}/local_conv/c/Conv`);
    const local = this.tokens(mixed, stage.width);
    const hidden = this.gelu(
      this.#linear(this.#normalize(local, `${module}.mlp.norm`), this.#layer(`${module}.mlp.fc1`)),
    );
    return this.add(local, this.#linear(hidden, this.#layer(`${module}.mlp.fc2`)));
  }

  convolution(planes: string, path: string): string {
    const { inputs, attributes } = this.#weights.node(path);
    const kernel = this.#weights.inputOf(path, 1);
    const bias = inputs.slice(2).map((name) => this.#constant(this.#weights.array(name)));
    return this.graph.node('Conv', [planes, this.graph.weight(kernel.dims, kernel.values), ...bias], attributes);
  }

  tokens(planes: string, width: number): string {
    return this.reshape(this.transpose(planes, [0, 2, 3, 1]), [-1, width]);
  }

  planes(tokens: string, stage: Stage): string {
    return this.transpose(this.#map(tokens, stage), [0, 3, 1, 2]);
  }

  /** Layer normalisation of planes, over the channels of each cell. */
  normalizeChannels(planes: string, path: string): string {
    const scaleAndShift = [this.#weights.inputOf(`${path}/Mul`, 0), this.#weights.inputOf(`${path}/Add_1`, 1)];
    const normalized = this.graph.node(
      'LayerNormalization',
      [
        this.transpose(planes, [0, 2, 3, 1]),
        ...scaleAndShift.map(({ values }) => this.graph.float32([values.length], values)),
      ],
      { epsilon: { float: 1e-6 } },
    );
    return this.transpose(normalized, [0, 3, 1, 2]);
  }

  /** The grid is padded with zeros to whole windows, before the normalisation, as the network was trained. */
  #windowAttention(tokens: string, stage: Stage, module: string): string {
    const graph = this.graph;
    const { width, window } = stage;
    const { rows, columns } = this.#gridOf(stage);
    const [windowRows, windowColumns] = [this.#ceilDivide(rows, window), this.#ceilDivide(columns, window)];
    const [paddedRows, paddedColumns] = [this.#times(windowRows, window), this.#times(windowColumns, window)];
    const missing = [graph.node('Sub', [paddedRows, rows]), graph.node('Sub', [paddedColumns, columns])];
    const pads = graph.node('Concat', [graph.int64([5], [0, 0, 0, 0, 0]), ...missing, graph.int64([1], [0])], {
      axis: 0,
    });
    const normalized = this.#normalize(graph.node('Pad', [this.#map(tokens, stage), pads]), `${module}.norm`);

    const cut = this.#shape(normalized, [windowRows, window, windowColumns, window, width]);
    const windows = this.transpose(cut, [0, 2, 1, 3, 4]);
    const attended = this.#attention(this.reshape(windows, [-1, width]), stage, module);
    const put = this.#shape(attended, [windowRows, windowColumns, window, window, width]);
    const joined = this.#shape(this.transpose(put, [0, 2, 1, 3, 4]), [paddedRows, paddedColumns, width]);
    const ends = graph.node('Concat', [rows, columns], { axis: 0 });
    const inside = graph.node('Slice', [joined, graph.int64([2], [0, 0]), ends, graph.int64([2], [0, 1])]);
    return this.reshape(inside, [-1, width]);
  }

  /** Multi-head attention among the tokens of each window; takes and gives [windows · window², width]. */
  #attention(tokens: string, { width, window }: Stage, module: string): string {
    const graph = this.graph;
    const size = window * window;
    const heads = width / headWidth;
    const product = this.reshape(this.#linear(tokens, sortedProjection(this.#layer(`${module}.qkv`))), [
      -1,
      size,
      3 * width,
    ]);
    const parts = graph.nodeWithOutputs(3, 'Split', [product, graph.int64([3], [width, width, width])], { axis: 2 });
    const bias = graph.weight([1, heads, size, size], this.#weights.attentionBias(module).values);
    const attended = graph.node(
      'MultiHeadAttention',
      [...parts, '', '', bias],
      { num_heads: heads },
      { domain: 'com.microsoft' },
    );
    return this.#linear(this.reshape(attended, [-1, width]), this.#layer(`${module}.proj`));
  }

  #layer(module: string): Linear {
    return this.#weights.linear(module);
  }

  #linear(tokens: string, { weight, bias }: Linear): string {
    if (this.#options.linear === 'float32') {
      return this.graph.node('Gemm', [tokens, this.graph.weight(weight.dims, weight.values), this.#constant(bias)]);
    }
    const { integers, scales } = quantizeColumns(weight.dims, weight.values);
    return this.graph.node(
      'DynamicQuantizeMatMul',
      [tokens, this.graph.constant(integers), this.graph.constant(scales), '', this.#constant(bias)],
      {},
      { domain: 'com.microsoft' },
    );
  }

  #normalize(tokens: string, module: string): string {
    const scaleAndShift = ['weight', 'bias'].map((part) => this.#constant(this.#weights.array(`${module}.${part}`)));
    return this.graph.node('LayerNormalization', [tokens, ...scaleAndShift], { epsilon: { float: 1e-5 } });
  }

  #constant({ dims, values }: WeightArray): string {
    return this.graph.float32(dims, values);
  }

  /** Tokens as float32 [1, rows, columns, width]. */
  #map(tokens: string, stage: Stage): string {
    const { rows, columns } = this.#gridOf(stage);
    return this.#shape(tokens, [1, rows, columns, stage.width]);
  }

  #gridOf({ pixels }: Stage): { rows: string; columns: string } {
    const { rows, columns } = this.#grid;
    return { rows: this.#times(rows, cellPixels / pixels), columns: this.#times(columns, cellPixels / pixels) };
  }

  /** Among `dims`, a string is an int64 [1] that the run computes. */
  #shape(value: string, dims: readonly (string | number)[]): string {
    const sizes = dims.map((dim) => (typeof dim === 'string' ? dim : this.graph.int64([1], [dim])));
    return this.graph.node('Reshape', [value, this.graph.node('Concat', sizes, { axis: 0 })]);
  }

  #times(value: string, factor: number): string {
    return factor === 1 ? value : this.graph.node('Mul', [value, this.graph.int64([1], [factor])]);
  }

  #ceilDivide(value: string, divisor: number): string {
    const raised = this.add(value, this.graph.int64([1], [divisor - 1]));
    return this.graph.node('Div', [raised, this.graph.int64([1], [divisor])]);
  }
}

/** The export has query, key and value of each head side by side; the operator takes all queries, all keys, all values. */
function sortedProjection({ weight, bias }: Linear): Linear {
  const sorted = ({ dims, values }: WeightArray): WeightArray => {
    const outputs = dims.at(-1) ?? 0;
    const split = [values.length / outputs, outputs / (3 * headWidth), 3, headWidth];
    return { dims, values: permute({ dims: split, values }, [0, 2, 1, 3]) };
  };
  return { weight: sorted(weight), bias: sorted(bias) };
}
