/** Reproducible choices: mulberry32, a 32-bit generator. */
export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A number in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** @throws RangeError when there is nothing to pick */
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
}
