import type { Attribute, ElementType, Graph, Model, Node, Tensor, ValueInfo } from './model.js';
import { elementTypes } from './model.js';
import type { AttributeMessage, GraphMessage, NodeMessage, TensorMessage, ValueInfoMessage } from './protobuf.js';
import { decodeModelMessage, encodeModelMessage } from './protobuf.js';

/** `AttributeProto.AttributeType` of onnx.proto. */
const attributeTypes = { float: 1, int: 2, string: 3, tensor: 4, ints: 7 } as const;

/** The model as the bytes of an `.onnx` file. */
export function serializeModel({ irVersion, operatorSets, graph }: Model): Uint8Array {
  return encodeModelMessage({
    irVersion,
    producerName: 'tessera',
    opsetImport: Object.entries(operatorSets).map(([domain, version]) => ({ domain, version })),
    graph: graphMessage(graph),
  });
}

/**
 * Reads the bytes of an `.onnx` file. Throws `TypeError` for what our graphs do not use: tensors without `raw_data`,
 * element types outside `elementTypes`, attributes of other kinds than {@link Attribute}.
 */
export function parseModel(bytes: Uint8Array): Model {
  const { irVersion, opsetImport, graph } = decodeModelMessage(bytes);
  return {
    irVersion,
    operatorSets: Object.fromEntries(opsetImport.map(({ domain, version }) => [domain, version])),
    graph: parseGraph(graph),
  };
}

function graphMessage({ name, nodes, initializers, inputs, outputs }: Graph): GraphMessage {
  return {
    name,
    node: nodes.map(nodeMessage),
    initializer: Array.from(initializers, ([tensorName, tensor]) => tensorMessage(tensor, tensorName)),
    input: inputs.map(valueInfoMessage),
    output: outputs.map(valueInfoMessage),
  };
}

function nodeMessage({ name, operator, domain, inputs, outputs, attributes }: Node): NodeMessage {
  const attribute = Object.entries(attributes).map(([key, value]) => attributeMessage(key, value));
  return { name, opType: operator, domain, input: inputs, output: outputs, attribute };
}

function attributeMessage(name: string, value: Attribute): AttributeMessage {
  if (typeof value === 'number') return { name, type: attributeTypes.int, i: value };
  if (typeof value === 'string') return { name, type: attributeTypes.string, s: Buffer.from(value) };
  if ('float' in value) return { name, type: attributeTypes.float, f: value.float };
  if ('tensor' in value) return { name, type: attributeTypes.tensor, t: tensorMessage(value.tensor, '') };
  return { name, type: attributeTypes.ints, ints: value };
}

function tensorMessage({ type, dims, data }: Tensor, name: string): TensorMessage {
  return { name, dataType: elementTypes[type], dims, rawData: data };
}

function valueInfoMessage({ name, type, dims }: ValueInfo): ValueInfoMessage {
  const dim = dims.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType: elementTypes[type], shape: { dim } } } };
}

function parseGraph({ name, node, initializer, input, output }: GraphMessage): Graph {
  return {
    name,
    nodes: node.map(parseNode),
    initializers: new Map(initializer.map((message) => [message.name, parseTensor(message)])),
    inputs: input.map(parseValueInfo),
    outputs: output.map(parseValueInfo),
  };
}

function parseNode({ name, opType, domain, input, output, attribute }: NodeMessage): Node {
  const attributes = Object.fromEntries(attribute.map((message) => [message.name, parseAttribute(message)]));
  return { name, operator: opType, domain, inputs: input, outputs: output, attributes };
}

function parseAttribute({ name, type, f, i, s, t, ints }: AttributeMessage): Attribute {
  if (type === attributeTypes.int && i !== undefined) return i;
  if (type === attributeTypes.string && s !== undefined) return Buffer.from(s).toString();
  if (type === attributeTypes.float && f !== undefined) return { float: f };
  if (type === attributeTypes.ints && ints !== undefined) return ints;
  if (type === attributeTypes.tensor && t) return { tensor: parseTensor(t) };
  throw new TypeError(`attribute "${name}" has the unsupported type ${type}`);
}

function parseTensor({ name, dims, dataType, rawData }: TensorMessage): Tensor {
  if (rawData.length === 0 && !dims.includes(0)) throw new TypeError(`tensor "${name}" has no raw_data`);
  const data = new Uint8Array(rawData.buffer, rawData.byteOffset, rawData.byteLength);
  return { type: elementTypeOf(dataType, name), dims, data };
}

function parseValueInfo({ name, type }: ValueInfoMessage): ValueInfo {
  const { elemType, shape } = type.tensorType;
  const dims = shape.dim.map(({ dimValue, dimParam }) => dimParam ?? dimValue ?? '');
  const elementType = elementTypeOf(elemType, name);
  if (elementType === 'int8') throw new TypeError(`"${name}" has the unsupported element type int8`);
  return { name, type: elementType, dims };
}

function elementTypeOf(dataType: number, name: string): ElementType {
  for (const [type, value] of Object.entries(elementTypes)) {
    if (value === dataType) return type as ElementType;
  }
  throw new TypeError(`"${name}" has the unsupported element type ${dataType}`);
}
