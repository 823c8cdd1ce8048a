import type { PhraseLexicon } from './phrase-lexicon.js';
import { dropPreamble } from './query-preamble.js';
import { isRequestWord } from './word-kinds.js';
import { splitWords } from './words.js';

const sentenceEnd = /(?<=[\p{L}\p{M}\p{N}]['’")]*)[.!?]+(?:\s+|$)|\n+/u;

/**
 * Separates the main sentence of a query: the first one that opens with a request ("Find …"), else the first one with a
 * phrase of the lexicon.
 *
 * @returns both in lower case, NFKC, without the punctuation that ends a sentence
 */
export function splitSentences(query: string, lexicon: PhraseLexicon): { main: string; rest: string } {
  const text = query
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[^\S\n]+/g, ' ');
  const sentences = text
    .split(sentenceEnd)
    .map((sentence) => namePerson(placeLast(sentence.trim()), lexicon))
    .filter((sentence) => sentence !== '');
  const main =
    sentences.find(isRequest) ?? sentences.find((sentence) => hasNoun(sentence, lexicon)) ?? sentences[0] ?? '';
  return { main, rest: sentences.filter((sentence) => sentence !== main).join(' ') };
}

function isRequest(sentence: string): boolean {
  const words = splitWords(sentence);
  return words.slice(0, words.length - dropPreamble(words).length).some(({ text }) => isRequestWord(text));
}

function hasNoun(sentence: string, lexicon: PhraseLexicon): boolean {
  const words = splitWords(sentence);
  return words.some((_, index) => lexicon.longestMatch(words, index) !== undefined);
}

/** "Who holds the cup" → "the person who holds the cup", where the lexicon knows people. */
function namePerson(sentence: string, lexicon: PhraseLexicon): string {
  return hasNoun('person', lexicon) ? sentence.replace(/^(?:who|whoever) (?=.)/u, 'the person who ') : sentence;
}

/** "On the sofa there is a dog" → "a dog on the sofa". */
function placeLast(sentence: string): string {
  return sentence.replace(/^(?:(.+?),? )?there (?:is|are) (.+)$/u, (_, place: string | undefined, object: string) =>
    place === undefined ? object : `${object} ${place}`,
  );
}
