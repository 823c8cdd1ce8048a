import { classifyLimits } from '@tessera/contracts';
import { CandidateSetBuilder, type CandidateSet } from './candidate-set.js';
import { checkLength, checkName, compositionKey, invalid, objectOf, type Composition } from './composition.js';

/**
 * Exactly these pairs, each once.
 *
 * @param pairs - what a request gives as `pairs`
 * @param seenPairs - the pairs that soft prompts were trained on; marks candidates and adds none
 * @throws TesseraError `TSR_VALIDATION` for a pair without object or attribute, an unusable name, or too many of anything
 */
export function pairCandidates(pairs: readonly Composition[], seenPairs: readonly Composition[] = []): CandidateSet {
  if (pairs.length === 0) throw invalid('There are no pairs to choose from.', '/pairs', 'must not be empty');
  const checkedNames = new Set<string>();
  for (const [index, pair] of pairs.entries()) {
    checkLength(pair, `/pairs/${index}`);
    for (const [position, name] of pair.entries()) {
      if (checkedNames.has(name)) continue;
      checkName(name, `/pairs/${index}/${position}`);
      checkedNames.add(name);
    }
  }
  const seenKeys = new Set(seenPairs.map(compositionKey));
  const usedKeys = new Set<string>();
  const builder = new CandidateSetBuilder();
  for (const pair of pairs) {
    const key = compositionKey(pair);
    if (usedKeys.has(key)) continue;
    usedKeys.add(key);
    builder.add(pair, seenKeys.has(key));
  }
  checkCount('candidates', builder.count, '/pairs');
  checkCount('attributes', builder.attributeCount, '/pairs');
  checkCount('objects', builder.objectCount, '/pairs');
  return builder.build();
}

/**
 * The closed world: the pairs that soft prompts were trained on and the requested ones.
 *
 * @throws TesseraError as {@link pairCandidates}
 */
export function closedWorld(seenPairs: readonly Composition[], otherPairs: readonly Composition[] = []): CandidateSet {
  return pairCandidates([...seenPairs, ...otherPairs], seenPairs);
}

/**
 * The open world: every attribute with every object, attribute by attribute, then the seen compositions of several
 * attributes.
 *
 * @param seenPairs - of these names
 * @throws TesseraError `TSR_VALIDATION` for an empty list, an unusable name, or too many of anything
 */
export function openWorld(
  attributes: readonly string[],
  objects: readonly string[],
  seenPairs: readonly Composition[] = [],
): CandidateSet {
  const attributeIndexOf = indexesOf('attributes', attributes);
  const objectIndexOf = indexesOf('objects', objects);
  const pairs = attributeIndexOf.size * objectIndexOf.size;
  const longer = [...new Map(seenPairs.map((pair) => [compositionKey(pair), pair])).values()].filter(
    (pair) => pair.length > 2,
  );
  const count = pairs + longer.length;
  checkCount('candidates', count, '/vocabulary');

  const seen = new Uint8Array(count).fill(1, pairs);
  for (const [attribute = '', object = '', ...more] of seenPairs) {
    if (more.length > 0) continue;
    seen[indexIn(attributeIndexOf, attribute) * objectIndexOf.size + indexIn(objectIndexOf, object)] = 1;
  }
  const slots = pairs + longer.reduce((total, pair) => total + pair.length - 1, 0);
  const attributeStarts = new Uint32Array(count + 1);
  const attributeIndexes = new Uint32Array(slots);
  const objectIndexes = new Uint32Array(count);
  for (let attribute = 0, index = 0; attribute < attributeIndexOf.size; attribute++) {
    for (let object = 0; object < objectIndexOf.size; object++, index++) {
      attributeIndexes[index] = attribute;
      objectIndexes[index] = object;
      attributeStarts[index + 1] = index + 1;
    }
  }
  for (const [position, pair] of longer.entries()) {
    const index = pairs + position;
    const start = attributeStarts[index] ?? 0;
    attributeIndexes.set(
      pair.slice(0, -1).map((name) => indexIn(attributeIndexOf, name)),
      start,
    );
    objectIndexes[index] = indexIn(objectIndexOf, objectOf(pair));
    attributeStarts[index + 1] = start + pair.length - 1;
  }
  return {
    count,
    attributes: [...attributeIndexOf.keys()],
    objects: [...objectIndexOf.keys()],
    attributeStarts,
    attributeIndexes,
    objectIndexes,
    seen,
  };
}

/**
 * Refuses candidates with primitives that a vocabulary has no learned rows for.
 *
 * @throws TesseraError `TSR_VALIDATION` naming the first ten
 */
export function requireKnownPrimitives(
  candidates: Pick<CandidateSet, 'attributes' | 'objects'>,
  vocabulary: { readonly attributes: readonly string[]; readonly objects: readonly string[] },
): void {
  const unknown = [
    ...unknownNames('attribute', candidates.attributes, vocabulary.attributes),
    ...unknownNames('object', candidates.objects, vocabulary.objects),
  ];
  if (unknown.length === 0) return;
  const shown = unknown.slice(0, 10).join(', ');
  const rest = unknown.length > 10 ? ` and ${unknown.length - 10} more` : '';
  throw invalid(`The vocabulary does not know ${shown}${rest}.`, '/unknown_primitives', 'is "error"');
}

function unknownNames(kind: string, used: readonly string[], known: readonly string[]): string[] {
  const knownNames = new Set(known);
  return used.filter((name) => !knownNames.has(name)).map((name) => `${kind} ${JSON.stringify(name)}`);
}

function indexesOf(kind: 'attributes' | 'objects', names: readonly string[]): ReadonlyMap<string, number> {
  const pointer = `/vocabulary/${kind}`;
  if (names.length === 0) throw invalid(`There are no ${kind}.`, pointer, 'must not be empty');
  for (const [index, name] of names.entries()) checkName(name, `${pointer}/${index}`);
  const distinct = new Set(names);
  checkCount(kind, distinct.size, pointer);
  return new Map([...distinct].map((name, index) => [name, index]));
}

function indexIn(indexes: ReadonlyMap<string, number>, name: string): number {
  const index = indexes.get(name);
  if (index === undefined) throw new RangeError(`A seen pair has the unknown name ${JSON.stringify(name)}.`);
  return index;
}

function checkCount(kind: keyof typeof classifyLimits, count: number, pointer: string): void {
  const limit = classifyLimits[kind];
  if (count <= limit) return;
  throw invalid(`There are ${count} ${kind}, more than ${limit}.`, pointer, `gives more than ${limit} ${kind}`);
}
