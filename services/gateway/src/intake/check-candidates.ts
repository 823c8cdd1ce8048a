import { NameIndex } from '@tessera/composition';
import {
  classifyLimits,
  TesseraError,
  type ClassifyOptions,
  type InlineVocabulary,
  type Pair,
} from '@tessera/contracts';

/**
 * Refuses candidates that no model could choose from, as far as can be checked without the trained vocabulary: too many
 * pairs of an inline one, and pairs with words that it does not list.
 *
 * @throws TesseraError `TSR_VALIDATION`
 */
export function checkCandidates({ vocabulary, pairs }: Pick<ClassifyOptions, 'vocabulary' | 'pairs'>): void {
  if (typeof vocabulary === 'string') return;
  if (pairs === undefined) checkCount(vocabulary);
  else checkPairs(pairs, vocabulary);
}

function checkCount({ attributes, objects }: InlineVocabulary): void {
  const [attributeCount, objectCount] = [attributes, objects].map((names) => indexOf(names).names.length);
  const count = (attributeCount ?? 0) * (objectCount ?? 0);
  if (count <= classifyLimits.candidates) return;
  const message = `has ${attributeCount} × ${objectCount} = ${count} pairs, more than ${classifyLimits.candidates}`;
  throw new TesseraError('TSR_VALIDATION', `The vocabulary ${message}; name the candidates in /pairs.`, {
    fields: [{ pointer: '/vocabulary', message }],
  });
}

function checkPairs(pairs: readonly Pair[], vocabulary: InlineVocabulary): void {
  const attributes = indexOf(vocabulary.attributes);
  const objects = indexOf(vocabulary.objects);
  for (const [index, pair] of pairs.entries()) {
    const last = pair.length - 1;
    const unknown = pair.findIndex((word, place) => !(place === last ? objects : attributes).has(word));
    if (unknown < 0) continue;
    const message = `is none of the vocabulary’s ${unknown === last ? 'objects' : 'attributes'}`;
    throw TesseraError.invalid([{ pointer: `/pairs/${index}/${unknown}`, message }]);
  }
}

function indexOf(names: readonly string[]): NameIndex {
  const index = new NameIndex();
  for (const name of names) index.add(name);
  return index;
}
