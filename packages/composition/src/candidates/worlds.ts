import { classifyLimits } from '@tessera/contracts';
import { CandidateSetBuilder, type CandidateSet } from './candidate-set.js';
import { checkLength, checkName, compositionKey, invalid, objectOf, type Composition } from './composition.js';
import { canonicalName, NameIndex } from './primitive-name.js';

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
  const candidates = builder.build();
  checkCount('candidates', candidates.count, '/pairs');
  checkCount('attributes', candidates.attributes.length, '/pairs');
  checkCount('objects', candidates.objects.length, '/pairs');
  return candidates;
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
 * @throws RangeError for a seen pair of other names
 */
export function openWorld(
  attributes: readonly string[],
  objects: readonly string[],
  seenPairs: readonly Composition[] = [],
): CandidateSet {
  const knownAttributes = distinctNames('attributes', attributes);
  const knownObjects = distinctNames('objects', objects);
  const seen = new Map(seenPairs.map((pair) => [compositionKey(pair), pair]));
  for (const pair of seen.values()) {
    if (knownObjects.has(objectOf(pair)) && pair.slice(0, -1).every((name) => knownAttributes.has(name))) continue;
    throw new RangeError(`The seen pair ${JSON.stringify(pair)} has an unknown name.`);
  }
  const longer = [...seen.values()].filter((pair) => pair.length > 2);
  checkCount('candidates', knownAttributes.names.length * knownObjects.names.length + longer.length, '/vocabulary');
  const builder = new CandidateSetBuilder();
  for (const attribute of knownAttributes.names) {
    for (const object of knownObjects.names) {
      const pair = [attribute, object];
      builder.add(pair, seen.has(compositionKey(pair)));
    }
  }
  for (const pair of longer) builder.add(pair, true);
  return builder.build();
}

/** Objects without any attribute, each once: what an image is compared with besides the candidates of a request. */
export function objectCandidates(objects: readonly string[]): CandidateSet {
  const builder = new CandidateSetBuilder();
  for (const object of distinctNames('objects', objects).names) builder.add([object], false);
  return builder.build();
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
  const knownNames = new Set(known.map(canonicalName));
  return used.filter((name) => !knownNames.has(canonicalName(name))).map((name) => `${kind} ${JSON.stringify(name)}`);
}

function distinctNames(kind: 'attributes' | 'objects', names: readonly string[]): NameIndex {
  const pointer = `/vocabulary/${kind}`;
  if (names.length === 0) throw invalid(`There are no ${kind}.`, pointer, 'must not be empty');
  for (const [index, name] of names.entries()) checkName(name, `${pointer}/${index}`);
  const distinct = new NameIndex();
  for (const name of names) distinct.add(name);
  checkCount(kind, distinct.names.length, pointer);
  return distinct;
}

function checkCount(kind: keyof typeof classifyLimits, count: number, pointer: string): void {
  const limit = classifyLimits[kind];
  if (count <= limit) return;
  throw invalid(`There are ${count} ${kind}, more than ${limit}.`, pointer, `gives more than ${limit} ${kind}`);
}
