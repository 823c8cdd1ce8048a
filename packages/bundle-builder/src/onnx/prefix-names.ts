import type { Graph } from './model.js';

/** The graph with `prefix` before the names of all its values, so that it can be put beside others. */
export function prefixNames(graph: Graph, prefix: string): Graph {
  // An empty name leaves an optional input out.
  const renamed = (name: string): string => (name === '' ? '' : `${prefix}${name}`);
  return {
    name: graph.name,
    nodes: graph.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(renamed),
      outputs: node.outputs.map(renamed),
    })),
    initializers: new Map(Array.from(graph.initializers, ([name, tensor]) => [renamed(name), tensor])),
    inputs: graph.inputs.map((input) => ({ ...input, name: renamed(input.name) })),
    outputs: graph.outputs.map((output) => ({ ...output, name: renamed(output.name) })),
  };
}
