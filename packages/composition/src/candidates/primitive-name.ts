/** Names that are canonical as they are, which most are. */
const plainName = /^[a-z0-9]+(?: [a-z0-9]+)*$/;

/**
 * What the name of an attribute or object is compared by: without case and outer spaces, and with `_`, `-` and runs of
 * spaces as one space. `"Dark_Red "` and `"dark-red"` are `"dark red"`. A name of such characters alone is only trimmed.
 */
export function canonicalName(name: string): string {
  if (plainName.test(name)) return name;
  const canonical = name
    .toLowerCase()
    .normalize('NFC')
    .replaceAll(/[\s_-]+/g, ' ')
    .trim();
  return canonical === '' ? name.trim() : canonical;
}

/** Gives every name an index; spellings of one name share theirs. */
export class NameIndex {
  readonly #byName = new Map<string, number>();
  readonly #bySpelling = new Map<string, number>();
  readonly #shown: string[] = [];

  /** Each name as it was first spelled, without outer spaces, by index. */
  get names(): readonly string[] {
    return this.#shown;
  }

  /** The index of a name; a new name gets the next one. */
  add(spelling: string): number {
    const known = this.#bySpelling.get(spelling);
    if (known !== undefined) return known;
    const name = canonicalName(spelling);
    const index = this.#byName.get(name) ?? this.#shown.push(spelling.trim()) - 1;
    this.#byName.set(name, index);
    this.#bySpelling.set(spelling, index);
    return index;
  }

  /** A name of this index as it was first spelled; a new name is added. */
  firstSpelling(spelling: string): string {
    return this.#shown[this.add(spelling)] ?? spelling;
  }

  has(spelling: string): boolean {
    return this.#bySpelling.has(spelling) || this.#byName.has(canonicalName(spelling));
  }
}
