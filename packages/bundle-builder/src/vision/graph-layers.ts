import type { GraphBuilder } from '../onnx/graph-builder.js';

/** What the layers of several networks are made of, added to one graph. */
export class GraphLayers {
  readonly graph: GraphBuilder;

  constructor(graph: GraphBuilder) {
    this.graph = graph;
  }

  add(one: string, other: string): string {
    return this.graph.node('Add', [one, other]);
  }

  /** Among `dims`, 0 keeps a dimension and -1 takes what is left. */
  reshape(value: string, dims: readonly number[]): string {
    return this.graph.node('Reshape', [value, this.graph.int64([dims.length], dims)]);
  }

  transpose(value: string, perm: readonly number[]): string {
    return this.graph.node('Transpose', [value], { perm });
  }

  gelu(value: string): string {
    return this.graph.node('Gelu', [value], {}, { domain: 'com.microsoft' });
  }
}
