import { fromHalfFloats } from '@tessera/composition';

/** A TensorFlow attribute value as TFJS writes it to JSON: 64-bit integers as text, strings in base64. */
interface AttributeJson {
  readonly s?: string;
  readonly b?: boolean;
  readonly f?: number;
  readonly list?: { readonly s?: readonly string[]; readonly i?: readonly string[] };
}

interface NodeJson {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
  readonly attr?: Readonly<Record<string, AttributeJson>>;
}

interface WeightJson {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly quantization?: { readonly dtype: string };
}

interface ModelJson {
  readonly modelTopology: { readonly node: readonly NodeJson[] };
  readonly weightsManifest: readonly { readonly weights: readonly WeightJson[] }[];
}

/** A constant of the graph; `values` are row-major. */
export interface TfjsWeight {
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}

/** A node with its attributes still encoded; the functions below read them. */
export interface TfjsNode {
  readonly name: string;
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly attributes: Readonly<Record<string, AttributeJson>>;
}

export interface TfjsGraphModel {
  readonly nodes: ReadonlyMap<string, TfjsNode>;
  readonly weights: ReadonlyMap<string, TfjsWeight>;
}

/**
 * Reads a TFJS graph model: `topology` is the text of `model.json`, `weightData` its weight shards in order. Weights may
 * be float32, float16-quantised float32 or int32; throws `TypeError` for others and when the data are too short.
 */
export function parseGraphModel(topology: string, weightData: Uint8Array): TfjsGraphModel {
  // The file is one whose checksum we know; its shape is the documented TFJS one.
  const { modelTopology, weightsManifest } = JSON.parse(topology) as ModelJson;
  const nodes = modelTopology.node.map(({ name, op, input = [], attr = {} }) => {
    return [name, { name, operator: op, inputs: input, attributes: attr }] as const;
  });
  const weights = new Map<string, TfjsWeight>();
  let offset = 0;
  for (const weight of weightsManifest.flatMap((group) => group.weights)) {
    const count = weight.shape.reduce((product, size) => product * size, 1);
    const { bytesPerValue, decode } = weightFormat(weight);
    const bytes = new Uint8Array(weightData.subarray(offset, offset + count * bytesPerValue));
    if (bytes.length < count * bytesPerValue) throw new TypeError(`the weight data end before "${weight.name}"`);
    weights.set(weight.name, { shape: weight.shape, values: decode(bytes.buffer) });
    offset += bytes.length;
  }
  return { nodes: new Map(nodes), weights };
}

interface WeightFormat {
  readonly bytesPerValue: number;
  readonly decode: (bytes: ArrayBuffer) => ArrayLike<number>;
}

function weightFormat({ name, dtype, quantization }: WeightJson): WeightFormat {
  if (quantization?.dtype === 'float16') {
    return { bytesPerValue: 2, decode: (bytes) => fromHalfFloats(new Uint16Array(bytes)) };
  }
  if (dtype === 'float32' && !quantization) return { bytesPerValue: 4, decode: (bytes) => new Float32Array(bytes) };
  if (dtype === 'int32' && !quantization) return { bytesPerValue: 4, decode: (bytes) => new Int32Array(bytes) };
  throw new TypeError(`weight "${name}" has the unsupported type ${quantization?.dtype ?? dtype}`);
}

export function stringAttribute({ attributes }: TfjsNode, key: string): string {
  return Buffer.from(attributes[key]?.s ?? '', 'base64').toString();
}

export function stringListAttribute({ attributes }: TfjsNode, key: string): string[] {
  return (attributes[key]?.list?.s ?? []).map((text) => Buffer.from(text, 'base64').toString());
}

export function integerListAttribute({ attributes }: TfjsNode, key: string): number[] {
  return (attributes[key]?.list?.i ?? []).map(Number);
}

export function floatAttribute({ attributes }: TfjsNode, key: string): number {
  return attributes[key]?.f ?? 0;
}

export function booleanAttribute({ attributes }: TfjsNode, key: string): boolean {
  return attributes[key]?.b ?? false;
}
