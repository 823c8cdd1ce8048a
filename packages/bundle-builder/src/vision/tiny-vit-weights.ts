import type { Graph, Node, Tensor } from '../onnx/model.js';
import { toFloat32Array } from '../onnx/tensor.js';
import type { Linear, WeightArray } from './sam-weights.js';

/**
 * Finds weights in the exported graph of SAM's distilled image encoder. The exporter named nodes after their modules and
 * kept the names of most biases; weights have numbers for names, so they are found through the node that reads them.
 */
export class TinyVitWeights {
  readonly #nodes: ReadonlyMap<string, Node>;
  readonly #tensors: ReadonlyMap<string, Tensor>;

  constructor({ nodes, initializers }: Graph) {
    this.#nodes = new Map(nodes.map((node) => [node.name, node]));
    const constants = nodes.flatMap(({ operator, outputs: [output = ''], attributes: { value } }) =>
      operator === 'Constant' && typeof value === 'object' && 'tensor' in value
        ? [[output, value.tensor] as const]
        : [],
    );
    this.#tensors = new Map([...initializers, ...constants]);
  }

  /** The constant `name`. Throws `TypeError` when there is none. */
  array(name: string): WeightArray {
    const tensor = this.#tensors.get(name);
    if (!tensor) throw new TypeError(`the SAM encoder has no weight "${name}"`);
    return { dims: tensor.dims, values: toFloat32Array(tensor) };
  }

  /** The constant that is an input of the node at `path`. Throws `TypeError` when either is missing. */
  inputOf(path: string, index: number): WeightArray {
    return this.array(this.node(path).inputs[index] ?? `input ${index} of ${path}`);
  }

  /** The node at `path`. Throws `TypeError` when there is none. */
  node(path: string): Node {
    const node = this.#nodes.get(path);
    if (!node) throw new TypeError(`the SAM encoder has no node "${path}"`);
    return node;
  }

  /** The layer of a module such as `layers.1.blocks.0.mlp.fc1`. */
  linear(module: string): Linear {
    return { weight: this.inputOf(`${pathOf(module)}/MatMul`, 1), bias: this.array(`${module}.bias`) };
  }

  /** What an attention module adds to its scores, by the places of query and key: [heads, tokens, tokens]. */
  attentionBias(module: string): WeightArray {
    return this.inputOf(`${pathOf(module)}/Add`, 1);
  }
}

/** `layers.1.blocks.0.attn` is at `/layers.1/blocks.0/attn`. */
export function pathOf(module: string): string {
  return `/${module.replaceAll(/\.(?=[a-z])/g, '/')}`;
}
