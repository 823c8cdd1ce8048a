import type { CandidateSet } from './candidate-set.js';
import { objectOf, type Composition } from './composition.js';

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
  const partners = seenPartners(seenPairs);
  const objectNeighbours = nearestSeen(candidates.objects, candidates.attributes, partners.objects, embeddings.objects);
  const attributeNeighbours = nearestSeen(
    candidates.attributes,
    candidates.objects,
    partners.attributes,
    embeddings.attributes,
  );
  return Float32Array.from(candidates.seen, (seen, index) => {
    if (seen === 1) return 1;
    const object = candidates.objectIndexes[index] ?? 0;
    const [start, end] = [candidates.attributeStarts[index], candidates.attributeStarts[index + 1]];
    let least = 1;
    for (const attribute of candidates.attributeIndexes.subarray(start, end)) {
      least = Math.min(least, (objectNeighbours(object, attribute) + attributeNeighbours(attribute, object)) / 2);
    }
    return least;
  });
}

/** Marks the candidates `[C]` whose feasibility is at least `threshold`; seen ones always are feasible. */
export function feasibleCandidates(scores: Float32Array, seen: Uint8Array, threshold: number): Uint8Array {
  return Uint8Array.from(scores, (score, index) => (score >= threshold || seen[index] === 1 ? 1 : 0));
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

/**
 * Gives a function of (index of a name, index of a partner): the largest cosine similarity of the name to the names that
 * were seen with the partner. It is 1 when the name itself is one of them, and −1 when there are none.
 */
function nearestSeen(
  names: readonly string[],
  partners: readonly string[],
  namesSeenWith: ReadonlyMap<string, ReadonlySet<string>>,
  embeddings: ReadonlyMap<string, Float32Array>,
): (name: number, partner: number) => number {
  const columns = new Map<string, number>();
  for (const partner of partners) {
    for (const name of namesSeenWith.get(partner) ?? []) if (!columns.has(name)) columns.set(name, columns.size);
  }
  const similarities = cosineMatrix(names, [...columns.keys()], embeddings);
  const columnsOf = partners.map((partner) =>
    Uint32Array.from(namesSeenWith.get(partner) ?? [], (name) => columns.get(name) ?? 0),
  );
  return (name, partner) => {
    let largest = -1;
    for (const column of columnsOf[partner] ?? []) {
      largest = Math.max(largest, similarities[name * columns.size + column] ?? -1);
    }
    return largest;
  };
}

/** Cosine similarities `[rows, columns]` of names; exactly 1 where both names are the same. */
function cosineMatrix(
  rows: readonly string[],
  columns: readonly string[],
  embeddings: ReadonlyMap<string, Float32Array>,
): Float32Array {
  const columnVectors = columns.map((name) => unitVector(name, embeddings));
  const matrix = new Float32Array(rows.length * columns.length);
  for (const [row, rowName] of rows.entries()) {
    const vector = unitVector(rowName, embeddings);
    for (const [column, columnVector] of columnVectors.entries()) {
      const similarity = columns[column] === rowName ? 1 : dotProduct(vector, columnVector);
      matrix[row * columns.length + column] = similarity;
    }
  }
  return matrix;
}

function unitVector(name: string, embeddings: ReadonlyMap<string, Float32Array>): Float32Array {
  const embedding = embeddings.get(name);
  if (embedding === undefined) throw new RangeError(`There is no embedding of ${JSON.stringify(name)}.`);
  const length = Math.sqrt(dotProduct(embedding, embedding));
  return length === 0 ? embedding : embedding.map((value) => value / length);
}

function dotProduct(left: Float32Array, right: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < left.length; index++) sum += (left[index] ?? 0) * (right[index] ?? 0);
  return sum;
}
