import Type from 'typebox';
import { Value } from 'typebox/value';
import { fromHalfFloats } from '../scoring/half-float.js';

/** Bytes that are not a safetensors file, or one beyond the limits; the message names the problem and its place. */
export class SafetensorsError extends Error {
  override readonly name = 'SafetensorsError';
}

const elementBytes = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  U64: 8,
  I32: 4,
  U32: 4,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
} as const;
type ElementType = keyof typeof elementBytes;

/** A tensor as it lies in a file: little-endian, row-major. */
export interface StoredTensor {
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** A view of the file. */
  readonly bytes: Uint8Array;
}

export interface SafetensorsFile {
  /** The texts under `__metadata__`. */
  readonly metadata: ReadonlyMap<string, string>;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** A tensor to write, of type F32, F16 or I64; a Uint16Array holds the bits of half-precision floats. */
export interface WritableTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array | Uint16Array | BigInt64Array;
}

const lengthBytes = 8;
/** 200 000 compositions of a vocabulary take some 10 MB. */
const headerBytesMax = 32 * 1024 * 1024;
const metadataKey = '__metadata__';

const Metadata = Type.Unsafe<Record<string, string>>(Type.Object({}, { additionalProperties: Type.String() }));
const Size = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const TensorEntry = Type.Object({
  dtype: Type.Enum(Object.keys(elementBytes) as ElementType[]),
  shape: Type.Array(Size, { maxItems: 16 }),
  data_offsets: Type.Tuple([Size, Size]),
});

/**
 * Reads a file in the safetensors format (https://huggingface.co/docs/safetensors): eight bytes with the header's length,
 * the header as JSON, and the tensors, which fill the rest without gaps. Nothing is allocated on the word of the file.
 *
 * @throws SafetensorsError
 */
export function readSafetensors(file: Uint8Array): SafetensorsFile {
  const { header, data } = splitFile(file);
  let metadata = new Map<string, string>();
  const tensors = new Map<string, StoredTensor>();
  const ranges: { name: string; begin: number; end: number }[] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === metadataKey) {
      if (!Value.Check(Metadata, entry)) throw new SafetensorsError(`${metadataKey} is not an object of texts.`);
      metadata = new Map(Object.entries(entry));
      continue;
    }
    const { type, shape, begin, end } = readEntry(name, entry, data.length);
    ranges.push({ name, begin, end });
    tensors.set(name, { type, shape, bytes: data.subarray(begin, end) });
  }
  let position = 0;
  for (const { name, begin, end } of ranges.sort((left, right) => left.begin - right.begin || left.end - right.end)) {
    if (begin !== position)
      throw new SafetensorsError(`Tensor ${quote(name)} begins at ${begin} instead of ${position}.`);
    position = end;
  }
  if (position !== data.length) {
    throw new SafetensorsError(`Tensors take ${position} bytes, but ${data.length} follow the header.`);
  }
  return { metadata, tensors };
}

/**
 * The values of a tensor of type F32, F16 or BF16, as a copy.
 *
 * @throws SafetensorsError for another type
 */
export function tensorValues({ type, bytes }: StoredTensor): Float32Array {
  // The copy begins at an address that is aligned for every element type.
  const { buffer } = new Uint8Array(bytes);
  if (type === 'F32') return new Float32Array(buffer);
  if (type === 'F16') return fromHalfFloats(new Uint16Array(buffer));
  if (type === 'BF16') {
    const words = Uint32Array.from(new Uint16Array(buffer), (upperHalf) => upperHalf << 16);
    return new Float32Array(words.buffer);
  }
  throw new SafetensorsError(`Expected a tensor of floats, got ${type}.`);
}

/**
 * Writes a file that {@link readSafetensors} reads; the same contents give the same bytes.
 *
 * @throws SafetensorsError when a tensor does not have as many values as its shape, or the header exceeds 32 MiB
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, WritableTensor>,
  metadata: ReadonlyMap<string, string>,
): Uint8Array {
  const entries: [name: string, entry: object][] = [];
  if (metadata.size > 0) entries.push([metadataKey, Object.fromEntries(metadata)]);
  const parts: Uint8Array[] = [];
  let position = 0;
  for (const [name, { shape, values }] of tensors) {
    if (elementCount(shape) !== values.length) {
      throw new SafetensorsError(`Tensor ${quote(name)} [${shape.join(', ')}] has ${values.length} values.`);
    }
    const end = position + values.byteLength;
    entries.push([name, { dtype: typeOf(values), shape, data_offsets: [position, end] }]);
    parts.push(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    position = end;
  }
  const text = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  // Spaces after the header let the tensors begin at a multiple of eight.
  const headerLength = Math.ceil(text.length / lengthBytes) * lengthBytes;
  if (headerLength > headerBytesMax) {
    throw new SafetensorsError(`The header takes ${headerLength} bytes, more than ${headerBytesMax}.`);
  }
  const file = Buffer.alloc(lengthBytes + headerLength + position, ' ');
  file.writeBigUInt64LE(BigInt(headerLength));
  text.copy(file, lengthBytes);
  let offset = lengthBytes + headerLength;
  for (const part of parts) {
    file.set(part, offset);
    offset += part.length;
  }
  return file;
}

function typeOf(values: WritableTensor['values']): ElementType {
  if (values instanceof Float32Array) return 'F32';
  return values instanceof Uint16Array ? 'F16' : 'I64';
}

function splitFile(file: Uint8Array): { header: object; data: Uint8Array } {
  if (file.length < lengthBytes) throw new SafetensorsError(`A file of ${file.length} bytes has no header.`);
  const view = new DataView(file.buffer, file.byteOffset, lengthBytes);
  const headerLength = view.getBigUint64(0, true);
  if (headerLength > BigInt(Math.min(headerBytesMax, file.length - lengthBytes))) {
    throw new SafetensorsError(`The header's length ${headerLength} exceeds the file or ${headerBytesMax} bytes.`);
  }
  const headerEnd = lengthBytes + Number(headerLength);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(file.subarray(lengthBytes, headerEnd)));
  } catch (cause) {
    throw new SafetensorsError('The header is not JSON in UTF-8.', { cause });
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    throw new SafetensorsError('The header is not a JSON object.');
  return { header, data: file.subarray(headerEnd) };
}

function readEntry(name: string, entry: unknown, dataBytes: number) {
  if (!Value.Check(TensorEntry, entry)) {
    const [problem] = Value.Errors(TensorEntry, entry);
    throw new SafetensorsError(`Tensor ${quote(name)}: ${problem?.instancePath ?? ''} ${problem?.message ?? ''}.`);
  }
  const { dtype: type, shape, data_offsets: offsets } = entry;
  const [begin, end] = offsets;
  if (begin > end || end > dataBytes) {
    throw new SafetensorsError(`Tensor ${quote(name)} lies from ${begin} to ${end} of ${dataBytes} bytes.`);
  }
  if (elementCount(shape) * elementBytes[type] !== end - begin) {
    throw new SafetensorsError(
      `Tensor ${quote(name)} ${type} [${shape.join(', ')}] does not take ${end - begin} bytes.`,
    );
  }
  return { type, shape, begin, end };
}

/** Above 2⁵³ the product is inexact, and far above what any file holds. */
function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** A name of a hostile file, short enough for a message. */
function quote(name: string): string {
  return JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name);
}
