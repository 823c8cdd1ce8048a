import { createHash } from 'node:crypto';

/** Reproducible choices: mulberry32, a generator with a 32-bit state. */
export class SeededRandom {
  #state: number;

  /** @param seed - of a number its low 32 bits; of a text the first 32 bits of its SHA-256, little-endian */
  constructor(seed: number | string) {
    this.#state = typeof seed === 'number' ? seed >>> 0 : createHash('sha256').update(seed).digest().readUInt32LE();
  }

  /** A number in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** @throws RangeError when there are no elements */
  pick<Element>(elements: readonly Element[]): Element {
    const element = elements[Math.floor(this.next() * elements.length)];
    if (element === undefined) throw new RangeError('There is nothing to pick from.');
    return element;
  }

  /** Up to `count` different elements, in random order. */
  sample<Element>(elements: readonly Element[], count: number): Element[] {
    return elements
      .map((element) => ({ element, key: this.next() }))
      .sort((a, b) => a.key - b.key)
      .slice(0, count)
      .map(({ element }) => element);
  }

  /** 0 … count − 1 in random order (Fisher and Yates). */
  permutation(count: number): number[] {
    const values = Array.from({ length: count }, (_, index) => index);
    for (let last = count - 1; last > 0; last--) {
      const other = Math.floor(this.next() * (last + 1));
      [values[last], values[other]] = [values[other] ?? 0, values[last] ?? 0];
    }
    return values;
  }
}
