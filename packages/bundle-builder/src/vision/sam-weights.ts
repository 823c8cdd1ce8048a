import type { Graph } from '../onnx/model.js';
import { toFloat32Array } from '../onnx/tensor.js';

/** A float32 array with its shape. */
export interface WeightArray {
  readonly dims: readonly number[];
  readonly values: Float32Array;
}

/** A fully connected layer: output = input · weight + bias, `weight` [in, out]. */
export interface Linear {
  readonly weight: WeightArray;
  readonly bias: WeightArray;
}

/** Finds weights in the exported graph of SAM's prompt encoder and mask decoder. */
export class SamWeights {
  readonly #graph: Graph;

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  /** The initializer `name`. Throws `TypeError` when there is none. */
  array(name: string): WeightArray {
    const tensor = this.#graph.initializers.get(name);
    if (!tensor) throw new TypeError(`the SAM decoder has no weight "${name}"`);
    return { dims: tensor.dims, values: toFloat32Array(tensor) };
  }

  /** A projection of the two-way transformer; the exporter kept its bias's name but not its weight's. */
  transformerLinear(module: string, projection: string): Linear {
    const path = `/transformer/${module.replace(/(?<=\d)\./, '/')}/${projection}/MatMul`;
    const node = this.#graph.nodes.find(({ name }) => name === path);
    return {
      weight: this.array(node?.inputs[1] ?? path),
      bias: this.array(`mask_decoder.transformer.${module}.${projection}.bias`),
    };
  }

  /** A layer stored as PyTorch does, with its weight [out, in]. */
  linear(name: string): Linear {
    const stored = this.array(`mask_decoder.${name}.weight`);
    const [outputs = 0, inputs = 0] = stored.dims;
    return {
      weight: { dims: [inputs, outputs], values: permute(stored, [1, 0]) },
      bias: this.array(`mask_decoder.${name}.bias`),
    };
  }
}

/** The values of `array` after a transposition: axis i of the result is axis `order[i]` of `array`. */
export function permute({ dims, values }: WeightArray, order: readonly number[]): Float32Array {
  const strides = dims.map((_, axis) => dims.slice(axis + 1).reduce((product, size) => product * size, 1));
  const result = new Float32Array(values.length);
  let written = 0;
  function copy(depth: number, offset: number): void {
    const axis = order[depth];
    if (axis === undefined) {
      result[written] = values[offset] ?? 0;
      written += 1;
      return;
    }
    const stride = strides[axis] ?? 0;
    for (let index = 0; index < (dims[axis] ?? 0); index += 1) copy(depth + 1, offset + index * stride);
  }
  copy(0, 0);
  return result;
}
