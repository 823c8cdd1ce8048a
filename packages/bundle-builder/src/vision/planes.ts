import type { GraphBuilder } from '../onnx/graph-builder.js';

/** Height and width of planes [B, channels, height, width]: int64 [2]. */
export function sizeOf(graph: GraphBuilder, planes: string): string {
  return graph.node('Gather', [graph.node('Shape', [planes]), graph.int64([2], [2, 3])]);
}

/** Planes of one size with zeros to the right and below up to another; both int64 [2]. */
export function padTo(graph: GraphBuilder, planes: string, size: string, target: string): string {
  const missing = graph.node('Sub', [target, size]);
  const before = graph.int64([6], [0, 0, 0, 0, 0, 0]);
  return graph.node('Pad', [planes, graph.node('Concat', [before, missing], { axis: 0 })]);
}
