import type { GraphBuilder } from '../onnx/graph-builder.js';
import { GraphLayers } from './graph-layers.js';
import type { Linear, SamWeights } from './sam-weights.js';

/** The layers that SAM's decoder is made of, added to one graph with their weights. */
export class SamLayers extends GraphLayers {
  readonly weights: SamWeights;

  constructor(graph: GraphBuilder, weights: SamWeights) {
    super(graph);
    this.weights = weights;
  }

  multiply(one: string, other: string): string {
    return this.graph.node('MatMul', [one, other]);
  }

  /** Positions `start` to `end` of a value's axis. */
  slice(value: string, axis: number, start: number, end: number): string {
    const { graph } = this;
    return graph.node('Slice', [value, graph.int64([1], [start]), graph.int64([1], [end]), graph.int64([1], [axis])]);
  }

  linear(value: string, { weight, bias }: Linear): string {
    const product = this.multiply(value, this.graph.weight(weight.dims, weight.values));
    return this.add(product, this.graph.float32(bias.dims, bias.values));
  }

  /** Linear layers with ReLUs between them. */
  perceptron(value: string, layers: readonly Linear[]): string {
    return layers.reduce((input, layer, index) => {
      return this.linear(index === 0 ? input : this.graph.node('Relu', [input]), layer);
    }, value);
  }

  normalize(value: string, name: string): string {
    const scaleAndShift = ['weight', 'bias'].map((part) => {
      const { dims, values } = this.weights.array(`mask_decoder.transformer.${name}.${part}`);
      return this.graph.float32(dims, values);
    });
    return this.graph.node('LayerNormalization', [value, ...scaleAndShift], { epsilon: { float: 1e-5 } });
  }
}
