import { RecentValues } from '@tessera/runtime';

/** What a model makes of texts, remembered for those that came last: photos of a folder get the same question. */
export class RememberedTexts<Value extends object> {
  readonly #values: RecentValues<Value>;

  /** @param limit - texts that are remembered */
  constructor(limit: number) {
    this.#values = new RecentValues(limit);
  }

  /**
   * One value a text, in order.
   *
   * @param compute - gets the texts that are not remembered, each once, and gives their values in the same order
   */
  async of(
    texts: readonly string[],
    compute: (texts: readonly string[]) => Promise<readonly Value[]>,
  ): Promise<Value[]> {
    const values = new Map(texts.map((text) => [text, this.#values.get(text)]));
    const unknown = [...values.keys()].filter((text) => values.get(text) === undefined);
    const computed = unknown.length === 0 ? [] : await compute(unknown);
    for (const [index, value] of computed.entries()) {
      const text = unknown[index] ?? '';
      values.set(text, value);
      this.#values.set(text, value);
    }
    return texts.flatMap((text) => values.get(text) ?? []);
  }
}
