import type { InferenceOutput, TensorMetadata } from '@tessera/contracts';

/** An output of a model with its contents, row by row. */
export type OutputTensor = { readonly shape: readonly number[] } & (
  | { readonly datatype: 'BYTES'; readonly values: readonly string[] }
  | { readonly datatype: 'FP32' | 'INT64'; readonly values: readonly number[] }
  /** 0 or 1 each. */
  | { readonly datatype: 'BOOL'; readonly values: Uint8Array }
);

/** A tensor as a model describes it, with how to make it of the answer to a job. */
export interface ModelOutput<Response> extends TensorMetadata {
  /** Undefined when this answer has no such output. */
  readonly of: (response: Response) => OutputTensor | undefined;
}

/** An output in the JSON of a response. */
export function inJson(name: string, { datatype, shape, values }: OutputTensor): InferenceOutput {
  const data = datatype === 'BOOL' ? Array.from(values, (value) => value === 1) : [...values];
  return { name, datatype, shape: [...shape], data };
}

/** The bytes of an output in the binary tensor data extension: little-endian, texts with their length before them. */
export function inBytes(tensor: OutputTensor): Buffer {
  switch (tensor.datatype) {
    case 'BOOL':
      return Buffer.from(tensor.values.buffer, tensor.values.byteOffset, tensor.values.byteLength);
    case 'FP32': {
      const bytes = Buffer.alloc(4 * tensor.values.length);
      for (const [index, value] of tensor.values.entries()) bytes.writeFloatLE(value, 4 * index);
      return bytes;
    }
    case 'INT64': {
      const bytes = Buffer.alloc(8 * tensor.values.length);
      for (const [index, value] of tensor.values.entries()) bytes.writeBigInt64LE(BigInt(value), 8 * index);
      return bytes;
    }
    case 'BYTES':
      return Buffer.concat(
        tensor.values.flatMap((text) => {
          const bytes = Buffer.from(text, 'utf8');
          const length = Buffer.alloc(4);
          length.writeUInt32LE(bytes.length);
          return [length, bytes];
        }),
      );
  }
}
