import { createHash } from 'node:crypto';
import type { Composition } from './composition.js';
import { canonicalName, NameIndex } from './primitive-name.js';

/**
 * The compositions among which an image is classified, as indices into lists of names: a set of C-GQA's size, 278 362
 * pairs, takes 3.6 MB. Candidates are distinct; the order of several attributes matters, since it is the order of the
 * prompt. Names are compared as {@link canonicalName}s and shown as they were first spelled, without outer spaces.
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
  const composition: string[] = [];
  const end = candidates.attributeStarts[index + 1] ?? 0;
  for (let slot = candidates.attributeStarts[index] ?? 0; slot < end; slot++) {
    composition.push(candidates.attributes[candidates.attributeIndexes[slot] ?? -1] ?? '');
  }
  composition.push(object);
  return composition;
}

/**
 * The candidates that `keep` marks, in their order; names that none of them has are left out.
 *
 * @param keep - `[C]`, not 0 for those that stay
 */
export function selectCandidates(candidates: CandidateSet, keep: Uint8Array): CandidateSet {
  const builder = new CandidateSetBuilder();
  for (let index = 0; index < candidates.count; index++) {
    if (keep[index] !== 0) builder.add(compositionAt(candidates, index), candidates.seen[index] === 1);
  }
  return builder.build();
}

/** SHA-256 of the compositions in their order, whether seen or not: the same prompts have the same hash. */
export function hashCandidates(candidates: CandidateSet): string {
  const names = [candidates.attributes, candidates.objects].map((spellings) => spellings.map(canonicalName));
  const hash = createHash('sha256').update(JSON.stringify(names));
  for (const indexes of [candidates.attributeStarts, candidates.attributeIndexes, candidates.objectIndexes]) {
    hash.update(indexes);
  }
  return hash.digest('hex');
}

/** Collects distinct compositions; names get their index when they are first used. */
export class CandidateSetBuilder {
  readonly #attributes = new NameIndex();
  readonly #objects = new NameIndex();
  readonly #attributeStarts: number[] = [0];
  readonly #attributeIndexes: number[] = [];
  readonly #objectIndexes: number[] = [];
  readonly #seen: number[] = [];

  add(composition: Composition, seen: boolean): void {
    for (let position = 0; position < composition.length - 1; position++) {
      this.#attributeIndexes.push(this.#attributes.add(composition[position] ?? ''));
    }
    this.#attributeStarts.push(this.#attributeIndexes.length);
    this.#objectIndexes.push(this.#objects.add(composition.at(-1) ?? ''));
    this.#seen.push(seen ? 1 : 0);
  }

  build(): CandidateSet {
    return {
      count: this.#objectIndexes.length,
      attributes: [...this.#attributes.names],
      objects: [...this.#objects.names],
      attributeStarts: Uint32Array.from(this.#attributeStarts),
      attributeIndexes: Uint32Array.from(this.#attributeIndexes),
      objectIndexes: Uint32Array.from(this.#objectIndexes),
      seen: Uint8Array.from(this.#seen),
    };
  }
}
