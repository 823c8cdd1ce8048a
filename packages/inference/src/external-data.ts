import { openSync, readSync, closeSync, fstatSync } from 'node:fs';

/**
 * Which fields of an ONNX file lead to the weights: message → field number → message, after onnx.proto3. `text` is a
 * string to read.
 */
const fieldsOf = {
  model: { 7: 'graph', 20: 'training', 25: 'function' },
  training: { 1: 'graph', 2: 'graph' },
  function: { 7: 'node', 11: 'attribute' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparseTensor' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparseTensor', 23: 'sparseTensor' },
  sparseTensor: { 1: 'tensor', 2: 'tensor' },
  tensor: { 13: 'entry' },
  entry: { 1: 'text', 2: 'text' },
} as const;

type Message = keyof typeof fieldsOf;

/** As deep as protobuf itself goes. */
const depthLimit = 100;
const windowBytes = 64 * 1024;
/** Longer than any path. */
const textBytesLimit = 4096;

/**
 * The locations that an ONNX file names for weights outside of it, as they are written there, each once. The file is
 * walked, not read: weights inside of it are skipped.
 *
 * @throws RangeError when it is no protobuf
 */
export function externalDataLocations(file: string): string[] {
  const descriptor = openSync(file, 'r');
  try {
    const locations = new Set<string>();
    const reader = new FileReader(descriptor);
    walk(reader, 'model', 0, fstatSync(descriptor).size, 0, locations);
    return [...locations];
  } finally {
    closeSync(descriptor);
  }
}

function walk(
  reader: FileReader,
  message: Message,
  start: number,
  end: number,
  depth: number,
  locations: Set<string>,
): void {
  if (depth > depthLimit) throw new RangeError(`it nests messages deeper than ${depthLimit}`);
  const texts: string[] = [];
  reader.seek(start);
  while (reader.position < end) {
    const tag = reader.varint();
    const [field, wireType] = [Math.floor(tag / 8), tag % 8];
    if (wireType !== 2) {
      reader.skipNumber(wireType);
      continue;
    }
    const length = reader.varint();
    const [from, to] = [reader.position, reader.position + length];
    if (to > end) throw new RangeError(`a field at byte ${from} is longer than what it is in`);
    const child = (fieldsOf[message] as Readonly<Record<number, Message | 'text'>>)[field];
    if (child === 'text') texts[field] = reader.text(length);
    else if (child !== undefined) walk(reader, child, from, to, depth + 1, locations);
    reader.seek(to);
  }
  const [, key, value = ''] = texts;
  if (key === 'location') locations.add(value);
}

/** Reads a file at a position, a window at a time; positions are beyond 2³² where the file is. */
class FileReader {
  position = 0;
  readonly #descriptor: number;
  readonly #window = Buffer.alloc(windowBytes);
  #windowStart = 0;
  #windowLength = 0;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  seek(position: number): void {
    this.position = position;
  }

  varint(): number {
    let value = 0;
    for (let factor = 1; factor < 2 ** 64; factor *= 128) {
      const byte = this.#byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    throw new RangeError(`there is no number at byte ${this.position}`);
  }

  skipNumber(wireType: number): void {
    if (wireType === 0) this.varint();
    else if (wireType === 1) this.position += 8;
    else if (wireType === 5) this.position += 4;
    else throw new RangeError(`there is no field at byte ${this.position}`);
  }

  text(length: number): string {
    if (length > textBytesLimit) throw new RangeError(`a text at byte ${this.position} has ${length} bytes`);
    return Buffer.from(Array.from({ length }, () => this.#byte())).toString('utf8');
  }

  #byte(): number {
    const end = this.#windowStart + this.#windowLength;
    if (this.position < this.#windowStart || this.position >= end) {
      this.#windowStart = this.position;
      this.#windowLength = readSync(this.#descriptor, this.#window, 0, windowBytes, this.position);
    }
    const byte = this.#window[this.position - this.#windowStart];
    if (byte === undefined || this.position >= this.#windowStart + this.#windowLength) {
      throw new RangeError('it ends within a field');
    }
    this.position += 1;
    return byte;
  }
}
