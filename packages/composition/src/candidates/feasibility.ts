import { multiplyRows, vectorLength } from '../scoring/linear-algebra.js';
import type { CandidateSet } from './candidate-set.js';
import { objectOf, type Composition } from './composition.js';
import { canonicalName } from './primitive-name.js';

/** An embedding for each name that candidates and seen pairs have; those of one map have one width. */
export interface PrimitiveEmbeddings {
  readonly attributes: ReadonlyMap<string, Float32Array>;
  readonly objects: ReadonlyMap<string, Float32Array>;
}

/**
 * How plausible each candidate is, from −1 to 1 (Mancini et al., "Open World Compositional Zero-Shot Learning", CVPR
 * 2021, section 3.3): the mean of how similar its object is to the nearest other object seen with the attribute, and its
 * attribute to the nearest other attribute seen with the object; −1 where there is none. A seen candidate has 1. A
 * candidate of several attributes is as plausible as the least plausible of them with the object.
 *
 * @returns `[C]`
 * @throws RangeError when a name has no embedding
 */
export function feasibilityScores(
  candidates: CandidateSet,
  seenPairs: readonly Composition[],
  embeddings: PrimitiveEmbeddings,
): Float32Array {
  const partners = seenPartners(seenPairs.map((pair) => pair.map(canonicalName)));
  const attributes = candidates.attributes.map(canonicalName);
  const objects = candidates.objects.map(canonicalName);
  const objectsNear = new SeenNeighbours(objects, attributes, partners.objects, byCanonicalName(embeddings.objects));
  const attributesNear = new SeenNeighbours(
    attributes,
    objects,
    partners.attributes,
    byCanonicalName(embeddings.attributes),
  );
  const scores = new Float32Array(candidates.count).fill(1);
  for (let index = 0; index < candidates.count; index++) {
    if (candidates.seen[index] === 1) continue;
    const object = candidates.objectIndexes[index] ?? 0;
    const end = candidates.attributeStarts[index + 1] ?? 0;
    for (let slot = candidates.attributeStarts[index] ?? 0; slot < end; slot++) {
      const attribute = candidates.attributeIndexes[slot] ?? 0;
      const plausibility = (objectsNear.nearest(object, attribute) + attributesNear.nearest(attribute, object)) / 2;
      scores[index] = Math.min(scores[index] ?? 1, plausibility);
    }
  }
  return scores;
}

/** Marks the candidates `[C]` whose feasibility is at least `threshold`; seen ones always are feasible. */
export function feasibleCandidates(scores: Float32Array, seen: Uint8Array, threshold: number): Uint8Array {
  return Uint8Array.from(scores, (score, index) => (score >= threshold || seen[index] === 1 ? 1 : 0));
}

function byCanonicalName<Value>(values: ReadonlyMap<string, Value>): Map<string, Value> {
  return new Map(Array.from(values, ([name, value]) => [canonicalName(name), value]));
}

/** With which objects each attribute was seen, and the reverse. */
function seenPartners(seenPairs: readonly Composition[]) {
  const objects = new Map<string, Set<string>>();
  const attributes = new Map<string, Set<string>>();
  for (const pair of seenPairs) {
    const object = objectOf(pair);
    for (const attribute of pair.slice(0, -1)) {
      addTo(objects, attribute, object);
      addTo(attributes, object, attribute);
    }
  }
  return { objects, attributes };
}

function addTo(sets: Map<string, Set<string>>, key: string, value: string): void {
  const values = sets.get(key);
  if (values === undefined) sets.set(key, new Set([value]));
  else values.add(value);
}

/** How near each name is to the names that were seen with its partners. */
class SeenNeighbours {
  /** `[names, columns]`: cosine similarity of each name to each name that was seen with any partner. */
  readonly #similarities: Float32Array;
  readonly #columnCount: number;
  /** For each partner the columns of the names that were seen with it. */
  readonly #columnsOf: readonly Uint32Array[];

  constructor(
    names: readonly string[],
    partners: readonly string[],
    namesSeenWith: ReadonlyMap<string, ReadonlySet<string>>,
    embeddings: ReadonlyMap<string, Float32Array>,
  ) {
    const columns = new Map<string, number>();
    this.#columnsOf = partners.map((partner) =>
      Uint32Array.from(namesSeenWith.get(partner) ?? [], (name) => {
        const column = columns.get(name) ?? columns.size;
        columns.set(name, column);
        return column;
      }),
    );
    this.#columnCount = columns.size;
    this.#similarities = cosineMatrix(names, [...columns.keys()], embeddings);
  }

  /**
   * The largest cosine similarity of a name to those seen with a partner, both by index: 1 when the name itself is one of
   * them, −1 when there are none.
   */
  nearest(name: number, partner: number): number {
    const offset = name * this.#columnCount;
    let largest = -1;
    for (const column of this.#columnsOf[partner] ?? []) {
      const similarity = this.#similarities[offset + column] ?? -1;
      if (similarity > largest) largest = similarity;
    }
    return largest;
  }
}

/** Cosine similarities `[rows, columns]` of names; exactly 1 where both names are the same. */
function cosineMatrix(
  rows: readonly string[],
  columns: readonly string[],
  embeddings: ReadonlyMap<string, Float32Array>,
): Float32Array {
  const matrix = new Float32Array(rows.length * columns.length);
  const columnVectors = columns.map((name) => unitVector(name, embeddings));
  const width = columnVectors[0]?.length ?? 0;
  const stacked = new Float32Array(columns.length * width);
  for (const [column, vector] of columnVectors.entries()) stacked.set(vector, column * width);
  const columnOf = new Map(columns.map((name, column) => [name, column]));
  for (const [row, name] of rows.entries()) {
    const similarities = matrix.subarray(row * columns.length, (row + 1) * columns.length);
    multiplyRows(stacked, unitVector(name, embeddings), similarities);
    const sameColumn = columnOf.get(name);
    if (sameColumn !== undefined) similarities[sameColumn] = 1;
  }
  return matrix;
}

function unitVector(name: string, embeddings: ReadonlyMap<string, Float32Array>): Float32Array {
  const embedding = embeddings.get(name);
  if (embedding === undefined) throw new RangeError(`There is no embedding of ${JSON.stringify(name)}.`);
  const length = vectorLength(embedding);
  return length === 0 ? embedding : embedding.map((value) => value / length);
}
