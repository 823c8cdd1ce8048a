/** The values that were used last, as many as fit a limit on the sum of their sizes; the last one always stays. */
export class RecentValues<Value> {
  readonly #limit: number;
  readonly #sizeOf: (value: Value) => number;
  readonly #onDrop: (value: Value) => void;
  // A Map iterates in insertion order; a used entry is inserted anew, so the first one is the oldest.
  readonly #entries = new Map<string, Value>();
  #size = 0;

  /**
   * @param sizeOf - by default every value counts as one
   * @param onDrop - called with every value that leaves, the replaced ones included
   */
  constructor(
    limit: number,
    sizeOf: (value: Value) => number = () => 1,
    onDrop: (value: Value) => void = () => undefined,
  ) {
    this.#limit = limit;
    this.#sizeOf = sizeOf;
    this.#onDrop = onDrop;
  }

  get(key: string): Value | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  set(key: string, value: Value): void {
    this.#delete(key);
    this.#entries.set(key, value);
    this.#size += this.#sizeOf(value);
    for (const oldest of this.#entries.keys()) {
      if (this.#size <= this.#limit || oldest === key) return;
      this.#delete(oldest);
    }
  }

  #delete(key: string): void {
    const value = this.#entries.get(key);
    if (value === undefined) return;
    this.#entries.delete(key);
    this.#size -= this.#sizeOf(value);
    this.#onDrop(value);
  }
}
