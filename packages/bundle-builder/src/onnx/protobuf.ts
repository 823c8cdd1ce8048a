import protobuf from 'protobufjs/light.js';

/**
 * The part of onnx.proto (ONNX IR version 8) that we read and write. Field numbers are the format's; the format's
 * specification is https://github.com/onnx/onnx/blob/v1.13.1/onnx/onnx.proto.
 */
const root = protobuf.Root.fromJSON({
  options: { syntax: 'proto3' },
  nested: {
    AttributeProto: {
      fields: {
        name: { type: 'string', id: 1 },
        f: { type: 'float', id: 2 },
        i: { type: 'int64', id: 3 },
        s: { type: 'bytes', id: 4 },
        t: { type: 'TensorProto', id: 5 },
        ints: { rule: 'repeated', type: 'int64', id: 8 },
        type: { type: 'int32', id: 20 },
      },
    },
    NodeProto: {
      fields: {
        input: { rule: 'repeated', type: 'string', id: 1 },
        output: { rule: 'repeated', type: 'string', id: 2 },
        name: { type: 'string', id: 3 },
        opType: { type: 'string', id: 4 },
        attribute: { rule: 'repeated', type: 'AttributeProto', id: 5 },
        domain: { type: 'string', id: 7 },
      },
    },
    TensorProto: {
      fields: {
        dims: { rule: 'repeated', type: 'int64', id: 1 },
        dataType: { type: 'int32', id: 2 },
        name: { type: 'string', id: 8 },
        rawData: { type: 'bytes', id: 9 },
      },
    },
    Dimension: {
      oneofs: { value: { oneof: ['dimValue', 'dimParam'] } },
      fields: { dimValue: { type: 'int64', id: 1 }, dimParam: { type: 'string', id: 2 } },
    },
    TensorShapeProto: { fields: { dim: { rule: 'repeated', type: 'Dimension', id: 1 } } },
    TensorTypeProto: { fields: { elemType: { type: 'int32', id: 1 }, shape: { type: 'TensorShapeProto', id: 2 } } },
    TypeProto: { fields: { tensorType: { type: 'TensorTypeProto', id: 1 } } },
    ValueInfoProto: { fields: { name: { type: 'string', id: 1 }, type: { type: 'TypeProto', id: 2 } } },
    GraphProto: {
      fields: {
        node: { rule: 'repeated', type: 'NodeProto', id: 1 },
        name: { type: 'string', id: 2 },
        initializer: { rule: 'repeated', type: 'TensorProto', id: 5 },
        input: { rule: 'repeated', type: 'ValueInfoProto', id: 11 },
        output: { rule: 'repeated', type: 'ValueInfoProto', id: 12 },
      },
    },
    OperatorSetIdProto: { fields: { domain: { type: 'string', id: 1 }, version: { type: 'int64', id: 2 } } },
    ModelProto: {
      fields: {
        irVersion: { type: 'int64', id: 1 },
        producerName: { type: 'string', id: 2 },
        graph: { type: 'GraphProto', id: 7 },
        opsetImport: { rule: 'repeated', type: 'OperatorSetIdProto', id: 8 },
      },
    },
  },
});

export interface AttributeMessage {
  name: string;
  type: number;
  f?: number;
  i?: number;
  s?: Uint8Array;
  t?: TensorMessage;
  ints?: readonly number[];
}

export interface NodeMessage {
  name: string;
  opType: string;
  domain: string;
  input: readonly string[];
  output: readonly string[];
  attribute: readonly AttributeMessage[];
}

export interface TensorMessage {
  name: string;
  dataType: number;
  dims: readonly number[];
  rawData: Uint8Array;
}

export interface ValueInfoMessage {
  name: string;
  type: { tensorType: { elemType: number; shape: { dim: readonly { dimValue?: number; dimParam?: string }[] } } };
}

export interface GraphMessage {
  name: string;
  node: readonly NodeMessage[];
  initializer: readonly TensorMessage[];
  input: readonly ValueInfoMessage[];
  output: readonly ValueInfoMessage[];
}

export interface ModelMessage {
  irVersion: number;
  producerName: string;
  opsetImport: readonly { domain: string; version: number }[];
  graph: GraphMessage;
}

const modelType = root.lookupType('ModelProto');

export function encodeModelMessage(message: ModelMessage): Uint8Array {
  return modelType.encode(message).finish();
}

/** Throws when `bytes` are not a protobuf message of this shape. Integers become plain numbers. */
export function decodeModelMessage(bytes: Uint8Array): ModelMessage {
  const decoded = modelType.decode(bytes);
  // The reflection API has no static types: the descriptor above is what makes this assertion true.
  return modelType.toObject(decoded, { longs: Number, arrays: true, defaults: true }) as ModelMessage;
}
