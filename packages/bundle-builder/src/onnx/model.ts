/** `TensorProto.DataType` of onnx.proto, as far as our graphs go. */
export const elementTypes = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int64: 7,
  float16: 10,
} as const;

export type ElementType = keyof typeof elementTypes;

/** A constant tensor; `data` holds its elements row-major and little-endian. */
export interface Tensor {
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly data: Uint8Array;
}

/** A float attribute: a plain number stands for an integer one. */
export interface FloatAttribute {
  readonly float: number;
}

export interface TensorAttribute {
  readonly tensor: Tensor;
}

/** Number: `INT`; array of numbers: `INTS`; string: `STRING`; the rest names its kind. */
export type Attribute = number | string | readonly number[] | FloatAttribute | TensorAttribute;

export interface Node {
  readonly name: string;
  readonly operator: string;
  /** `''` is the standard operator set. */
  readonly domain: string;
  /** An empty name leaves an optional input out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** An input or output; a string among `dims` is the name of a symbolic dimension. */
export interface ValueInfo {
  readonly name: string;
  /** int8 is for weights alone. */
  readonly type: Exclude<ElementType, 'int8'>;
  readonly dims: readonly (number | string)[];
}

export interface Graph {
  readonly name: string;
  readonly nodes: readonly Node[];
  readonly initializers: ReadonlyMap<string, Tensor>;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
}

export interface Model {
  readonly irVersion: number;
  /** Operator set version per domain. */
  readonly operatorSets: Readonly<Record<string, number>>;
  readonly graph: Graph;
}
