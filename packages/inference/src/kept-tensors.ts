import { RecentValues } from '@tessera/runtime';

interface Keepable {
  readonly byteLength: number;
  /** Frees the memory: called once, when the value is dropped. */
  dispose(): void;
}

/** Sized values by key, least recently used dropped first once their bytes exceed the limit. */
export class KeptTensors<Value extends Keepable> {
  readonly #limitBytes: number;
  readonly #values: RecentValues<Value>;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
    this.#values = new RecentValues<Value>(
      limitBytes,
      ({ byteLength }) => byteLength,
      (value) => {
        value.dispose();
      },
    );
  }

  /** @throws RangeError when the values together exceed the limit: they could never be kept side by side */
  keep(values: ReadonlyMap<string, Value>): void {
    const bytes = [...values.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
    if (bytes > this.#limitBytes) {
      throw new RangeError(`${bytes} bytes to keep exceed the limit of ${this.#limitBytes}`);
    }
    for (const [key, value] of values) this.#values.set(key, value);
  }

  /** The value, touched, or nothing. */
  get(key: string): Value | undefined {
    return this.#values.get(key);
  }

  /** Whether every key is there; touches those that are. */
  holds(keys: readonly string[]): boolean {
    return keys.map((key) => this.get(key)).every((value) => value !== undefined);
  }
}
