import { createHash } from 'node:crypto';
import type { Composition } from './composition.js';

/**
 * The compositions among which an image is classified, as indices into lists of names: a set of C-GQA's size, 278 362
 * pairs, takes 3.6 MB. Candidates are distinct; the order of several attributes matters, since it is the order of the
 * prompt.
 */
export interface CandidateSet {
  /** Number of candidates C. */
  readonly count: number;
  /** Every attribute that a candidate has, once. */
  readonly attributes: readonly string[];
  /** Every object that a candidate has, once. */
  readonly objects: readonly string[];
  /** `[C + 1]`: candidate c has the attributes `attributeIndexes[attributeStarts[c]]` up to `attributeStarts[c + 1]`. */
  readonly attributeStarts: Uint32Array;
  readonly attributeIndexes: Uint32Array;
  /** `[C]` */
  readonly objectIndexes: Uint32Array;
  /** `[C]`: 1 where soft prompts were trained on the composition. */
  readonly seen: Uint8Array;
}

/**
 * The names of one candidate.
 *
 * @throws RangeError when there is no candidate `index`
 */
export function compositionAt(candidates: CandidateSet, index: number): Composition {
  const object = candidates.objects[candidates.objectIndexes[index] ?? -1];
  if (object === undefined) throw new RangeError(`There is no candidate ${index} among ${candidates.count}.`);
  const attributes = candidates.attributeIndexes.subarray(
    candidates.attributeStarts[index],
    candidates.attributeStarts[index + 1],
  );
  return [...Array.from(attributes, (attribute) => candidates.attributes[attribute] ?? ''), object];
}

/**
 * The candidates that `keep` marks, in their order; names that none of them has are left out.
 *
 * @param keep - `[C]`, not 0 for those that stay
 */
export function selectCandidates(candidates: CandidateSet, keep: Uint8Array): CandidateSet {
  const attributes = new UsedNames(candidates.attributes);
  const objects = new UsedNames(candidates.objects);
  const count = candidates.seen.reduce((total, _, index) => (keep[index] === 0 ? total : total + 1), 0);
  const attributeStarts = new Uint32Array(count + 1);
  const attributeIndexes = new Uint32Array(candidates.attributeIndexes.length);
  const objectIndexes = new Uint32Array(count);
  const seen = new Uint8Array(count);
  let [kept, keptSlots] = [0, 0];
  for (let index = 0; index < candidates.count; index++) {
    if (keep[index] === 0) continue;
    const end = candidates.attributeStarts[index + 1] ?? 0;
    for (let slot = candidates.attributeStarts[index] ?? 0; slot < end; slot++) {
      attributeIndexes[keptSlots++] = attributes.use(candidates.attributeIndexes[slot] ?? 0);
    }
    objectIndexes[kept] = objects.use(candidates.objectIndexes[index] ?? 0);
    seen[kept] = candidates.seen[index] ?? 0;
    attributeStarts[++kept] = keptSlots;
  }
  return {
    count,
    attributes: attributes.names,
    objects: objects.names,
    attributeStarts,
    attributeIndexes: attributeIndexes.slice(0, keptSlots),
    objectIndexes,
    seen,
  };
}

/** Gives the names of a list new indices, in the order in which they are used. */
class UsedNames {
  readonly names: string[] = [];
  readonly #all: readonly string[];
  /** −1 for names that were not used yet. */
  readonly #newIndexes: Int32Array;

  constructor(all: readonly string[]) {
    this.#all = all;
    this.#newIndexes = new Int32Array(all.length).fill(-1);
  }

  use(index: number): number {
    const known = this.#newIndexes[index] ?? -1;
    if (known >= 0) return known;
    this.#newIndexes[index] = this.names.length;
    return this.names.push(this.#all[index] ?? '') - 1;
  }
}

/** SHA-256 of the compositions in their order, whether seen or not: the same prompts have the same hash. */
export function hashCandidates(candidates: CandidateSet): string {
  const hash = createHash('sha256').update(JSON.stringify([candidates.attributes, candidates.objects]));
  for (const indexes of [candidates.attributeStarts, candidates.attributeIndexes, candidates.objectIndexes]) {
    hash.update(indexes);
  }
  return hash.digest('hex');
}

/** Collects distinct compositions; names get their index when they are first used. */
export class CandidateSetBuilder {
  readonly #attributes = new Map<string, number>();
  readonly #objects = new Map<string, number>();
  readonly #attributeStarts: number[] = [0];
  readonly #attributeIndexes: number[] = [];
  readonly #objectIndexes: number[] = [];
  readonly #seen: number[] = [];

  get count(): number {
    return this.#objectIndexes.length;
  }

  get attributeCount(): number {
    return this.#attributes.size;
  }

  get objectCount(): number {
    return this.#objects.size;
  }

  add(composition: Composition, seen: boolean): void {
    for (let position = 0; position < composition.length - 1; position++) {
      this.#attributeIndexes.push(indexOf(this.#attributes, composition[position] ?? ''));
    }
    this.#attributeStarts.push(this.#attributeIndexes.length);
    this.#objectIndexes.push(indexOf(this.#objects, composition.at(-1) ?? ''));
    this.#seen.push(seen ? 1 : 0);
  }

  build(): CandidateSet {
    return {
      count: this.count,
      attributes: [...this.#attributes.keys()],
      objects: [...this.#objects.keys()],
      attributeStarts: Uint32Array.from(this.#attributeStarts),
      attributeIndexes: Uint32Array.from(this.#attributeIndexes),
      objectIndexes: Uint32Array.from(this.#objectIndexes),
      seen: Uint8Array.from(this.#seen),
    };
  }
}

function indexOf(indexes: Map<string, number>, name: string): number {
  const known = indexes.get(name);
  if (known !== undefined) return known;
  const index = indexes.size;
  indexes.set(name, index);
  return index;
}
