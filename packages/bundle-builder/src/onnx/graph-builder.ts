import type { Attribute, ElementType, Graph, Model, Node, Tensor, ValueInfo } from './model.js';
import { elementTypes } from './model.js';
import { float16Tensor, float32Tensor, int64Tensor, toFloat32Array } from './tensor.js';

export interface GraphBuilderOptions {
  /** How `weight` stores its values; `float16` by default. */
  readonly weightType?: 'float16' | 'float32';
}

export interface NodeOptions {
  /** Defaults to the standard operator set. */
  readonly domain?: string;
  /** Names the node's only output; without it the builder makes a name up. */
  readonly output?: string;
}

/**
 * Collects an ONNX graph node by node. A value is its name, a string: every method that makes one returns that name, so
 * that a network reads as nested calls.
 */
export class GraphBuilder {
  /** How weights are stored, and what large results are handed over in. */
  readonly weightType: 'float16' | 'float32';
  readonly #name: string;
  readonly #nodes: Node[] = [];
  readonly #initializers = new Map<string, Tensor>();
  readonly #inputs: ValueInfo[] = [];
  readonly #outputs: ValueInfo[] = [];
  readonly #values = new Set<string>();
  #counter = 0;

  constructor(name: string, { weightType = 'float16' }: GraphBuilderOptions = {}) {
    this.#name = name;
    this.weightType = weightType;
  }

  /** Declares a graph input; a string among `dims` is a symbolic dimension. */
  input(name: string, type: ValueInfo['type'], dims: readonly (number | string)[]): string {
    this.#inputs.push({ name, type, dims });
    return this.#declare(name);
  }

  /** Declares `value` a graph output called `name`. */
  output(name: string, value: string, type: ValueInfo['type'], dims: readonly (number | string)[]): void {
    if (value !== name) this.node('Identity', [value], {}, { output: name });
    this.#outputs.push({ name, type, dims });
  }

  /** A constant kept as it is. */
  constant(tensor: Tensor, name = this.#freshName('constant')): string {
    this.#initializers.set(name, tensor);
    return this.#declare(name);
  }

  float32(dims: readonly number[], values: ArrayLike<number>): string {
    return this.constant(float32Tensor(dims, values));
  }

  int64(dims: readonly number[], values: readonly (number | bigint)[]): string {
    return this.constant(int64Tensor(dims, values));
  }

  /**
   * Adds all of `source`, with its inputs replaced by values: `inputs` by their names there. Its outputs are not
   * declared here. Floating-point constants of `weightSize` elements and more are stored as weights.
   */
  include(source: Graph, inputs: Readonly<Record<string, string>>, weightSize = 1024): void {
    for (const [name, value] of Object.entries(inputs)) this.node('Identity', [value], {}, { output: name });
    const constants = source.nodes.flatMap(({ operator, outputs: [name], attributes: { value } }) => {
      const isTensor = operator === 'Constant' && typeof value === 'object' && 'tensor' in value;
      return isTensor && name !== undefined ? [[name, value.tensor] as const] : [];
    });
    for (const [name, tensor] of [...source.initializers, ...constants]) {
      const isWeight = tensor.type === 'float32' && tensor.data.length >= weightSize * 4;
      if (isWeight) this.weight(tensor.dims, toFloat32Array(tensor), name);
      else this.constant(tensor, name);
    }
    const folded = new Set(constants.map(([name]) => name));
    for (const { operator, inputs, outputs, attributes, domain } of source.nodes) {
      if (!folded.has(outputs[0] ?? '')) this.#append(operator, inputs, outputs, attributes, domain);
    }
  }

  /** A weight stored as float16 and cast to float32 in the graph; the runtime folds the cast when it loads the graph. */
  weight(dims: readonly number[], values: ArrayLike<number>, name = this.#freshName('weight')): string {
    if (this.weightType === 'float32') return this.constant(float32Tensor(dims, values), name);
    const stored = this.constant(float16Tensor(dims, values), `${name}_float16`);
    return this.node('Cast', [stored], { to: elementTypes.float32 }, { output: name });
  }

  cast(value: string, type: ElementType): string {
    return this.node('Cast', [value], { to: elementTypes[type] });
  }

  /** Adds a node with one output and returns that output's name. `''` among the inputs leaves an optional one out. */
  node(
    operator: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    { domain = '', output = this.#freshName(operator) }: NodeOptions = {},
  ): string {
    this.#append(operator, inputs, [output], attributes, domain);
    return output;
  }

  /** Adds a node with `count` outputs and returns their names. */
  nodeWithOutputs(
    count: number,
    operator: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    { domain = '' }: Pick<NodeOptions, 'domain'> = {},
  ): readonly string[] {
    const outputs = Array.from({ length: count }, () => this.#freshName(operator));
    this.#append(operator, inputs, outputs, attributes, domain);
    return outputs;
  }

  graph(): Graph {
    return {
      name: this.#name,
      nodes: this.#nodes,
      initializers: this.#initializers,
      inputs: this.#inputs,
      outputs: this.#outputs,
    };
  }

  /** The collected graph as a model of the given operator set and ONNX Runtime's contributed operators. */
  model(operatorSet = 17): Model {
    return { irVersion: 8, operatorSets: { '': operatorSet, 'com.microsoft': 1 }, graph: this.graph() };
  }

  #append(
    operator: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>>,
    domain: string,
  ): void {
    for (const input of inputs) {
      if (input !== '' && !this.#values.has(input)) throw new Error(`${operator} reads the unknown value "${input}"`);
    }
    for (const output of outputs) this.#declare(output);
    this.#nodes.push({ name: `${operator}:${outputs.join(',')}`, operator, domain, inputs, outputs, attributes });
  }

  #declare(name: string): string {
    if (this.#values.has(name)) throw new Error(`the graph has two values called "${name}"`);
    this.#values.add(name);
    return name;
  }

  #freshName(stem: string): string {
    this.#counter += 1;
    return `${stem}_${this.#counter}`;
  }
}
