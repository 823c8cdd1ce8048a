import { isUtf8 } from 'node:buffer';
import { TesseraError, type InferenceInput } from '@tessera/contracts';
import { requireUsableText } from '../problems/unusable-text.js';

/** An input of a request with its contents. */
export type InputTensor = {
  readonly name: string;
  /** JSON pointer to it in the request. */
  readonly pointer: string;
  readonly shape: readonly number[];
} & (
  | { readonly datatype: 'BYTES'; readonly elements: readonly (string | Buffer)[] }
  | { readonly datatype: 'UINT8'; readonly elements: Uint8Array }
);

/** Bytes of the length that goes before each BYTES element. */
const lengthBytes = 4;

/**
 * The tensor of an input, its contents checked against its type and shape.
 *
 * @param content - bytes, in the form of the binary tensor data extension, or the `data` of the JSON
 * @throws TesseraError `TSR_VALIDATION`
 */
export function readTensor({ name, shape, datatype }: InferenceInput, content: unknown, pointer: string): InputTensor {
  const count = shape.reduce((product, size) => product * size, 1);
  // Whether or not its elements are lists; before they are looked at, which takes seconds for millions.
  if (Array.isArray(content) && content.length > Math.max(count, shape[0] ?? 1)) {
    throw wrongCount(pointer, content.length, shape, count);
  }
  const place = { name, shape, pointer };
  const tensor: InputTensor =
    datatype === 'BYTES'
      ? { ...place, datatype, elements: Buffer.isBuffer(content) ? split(content, pointer) : texts(content, place) }
      : { ...place, datatype, elements: Buffer.isBuffer(content) ? content : bytes(content, place) };
  if (tensor.elements.length === count) return tensor;
  throw wrongCount(pointer, tensor.elements.length, shape, count);
}

/**
 * The elements of a BYTES tensor as texts.
 *
 * @throws TesseraError `TSR_VALIDATION` for a tensor of another type, and for what is not usable text
 */
export function textsOf(tensor: InputTensor): string[] {
  if (tensor.datatype !== 'BYTES') throw invalid(tensor.pointer, 'must have the datatype BYTES');
  return tensor.elements.map((element, index) => {
    if (typeof element === 'string') return element;
    if (!isUtf8(element)) throw invalid(`${tensor.pointer}/data/${index}`, 'is not text in UTF-8');
    const text = element.toString('utf8');
    requireUsable(text, tensor.pointer);
    return text;
  });
}

type Place = Pick<InputTensor, 'pointer' | 'shape'>;

/** Elements that each have their length before them, four bytes, the lowest first. */
function split(content: Buffer, pointer: string): Buffer[] {
  const elements: Buffer[] = [];
  let offset = 0;
  while (offset < content.length) {
    const start = offset + lengthBytes;
    const end = start <= content.length ? start + content.readUInt32LE(offset) : Infinity;
    if (end > content.length) throw invalid(pointer, `ends within its element ${elements.length}`);
    elements.push(content.subarray(start, end));
    offset = end;
  }
  return elements;
}

function texts(content: unknown, place: Place): string[] {
  return flat(content, place).map((value, index) => {
    if (typeof value !== 'string') throw invalid(`${place.pointer}/data/${index}`, 'must be a text');
    requireUsable(value, place.pointer);
    return value;
  });
}

function bytes(content: unknown, place: Place): Uint8Array {
  const values = flat(content, place);
  const wrong = values.findIndex(
    (value) => typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 255,
  );
  if (wrong >= 0) throw invalid(`${place.pointer}/data/${wrong}`, 'must be a whole number from 0 to 255');
  return Uint8Array.from(values as number[]);
}

/** The elements of `data`, in which the last dimension, or all, may be one list. */
function flat(content: unknown, { pointer, shape }: Place): unknown[] {
  if (!Array.isArray(content)) throw invalid(pointer, 'must have `data`, a list, or the parameter binary_data_size');
  return content.flat(Math.max(0, shape.length - 1)) as unknown[];
}

function requireUsable(text: string, pointer: string): void {
  try {
    requireUsableText(text);
  } catch (error) {
    throw TesseraError.isInstance(error) ? invalid(pointer, error.fields[0]?.message ?? '') : error;
  }
}

function wrongCount(pointer: string, given: number, shape: readonly number[], count: number): TesseraError {
  return invalid(pointer, `has ${given} elements; its shape [${shape.join(', ')}] has ${count}`);
}

function invalid(pointer: string, message: string): TesseraError {
  return TesseraError.invalid([{ pointer, message }]);
}
