interface Keepable {
  readonly byteLength: number;
  /** Frees the memory: called once, when the value is dropped. */
  dispose(): void;
}

/** Sized values by key, least recently used dropped first once their bytes exceed the limit. */
export class KeptTensors<Value extends Keepable> {
  readonly #limitBytes: number;
  // A Map iterates in insertion order; a touched entry is inserted anew, so the first one is the oldest.
  readonly #entries = new Map<string, Value>();
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** @throws RangeError when the values together exceed the limit: they could never be kept side by side */
  keep(values: ReadonlyMap<string, Value>): void {
    const bytes = sum(values.values());
    if (bytes > this.#limitBytes) {
      throw new RangeError(`${bytes} bytes to keep exceed the limit of ${this.#limitBytes}`);
    }
    for (const [key, value] of values) {
      this.#drop(key);
      this.#entries.set(key, value);
      this.#bytes += value.byteLength;
    }
    for (const key of this.#entries.keys()) {
      if (this.#bytes <= this.#limitBytes) break;
      this.#drop(key);
    }
  }

  /** The value, touched, or nothing. */
  get(key: string): Value | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  /** Whether every key is there; touches those that are. */
  holds(keys: readonly string[]): boolean {
    return keys.map((key) => this.get(key)).every((value) => value !== undefined);
  }

  #drop(key: string): void {
    const value = this.#entries.get(key);
    if (value === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= value.byteLength;
    value.dispose();
  }
}

function sum(values: Iterable<{ readonly byteLength: number }>): number {
  let bytes = 0;
  for (const { byteLength } of values) bytes += byteLength;
  return bytes;
}
