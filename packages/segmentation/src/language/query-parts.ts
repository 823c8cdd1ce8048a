import type { LexiconMatch, PhraseLexicon } from './phrase-lexicon.js';
import { isAttributeWord, isFunctionWord, isMeasureNoun, isPlaceholder } from './word-kinds.js';
import type { Word } from './words.js';

/** A phrase of the lexicon in a query. */
export interface NounPart {
  readonly match: LexiconMatch;
  readonly words: readonly Word[];
}

/** A phrase of the lexicon, or a word that begins none. */
export type Part = NounPart | { readonly word: Word };

export function splitParts(words: readonly Word[], lexicon: PhraseLexicon): Part[] {
  const parts: Part[] = [];
  for (let start = 0; start < words.length;) {
    const match = lexicon.longestMatch(words, start);
    const word = words[start];
    if (match !== undefined) {
      parts.push({ match, words: words.slice(start, start + match.length) });
      start += match.length;
    } else {
      if (word !== undefined) parts.push({ word });
      start += 1;
    }
  }
  return parts;
}

/** The words of a part, as they stand in the query. */
export function wordsOf(part: Part): readonly string[] {
  return 'match' in part ? part.words.map(({ text }) => text) : [part.word.text];
}

/** The first word of a part, if there is a part. */
export function firstWord(part: Part | undefined): string | undefined {
  return part === undefined ? undefined : wordsOf(part)[0];
}

/** Whether the word lists do not know a word that is in no phrase of the lexicon. */
export function isUnknown(word: string): boolean {
  return !isFunctionWord(word) && !isAttributeWord(word) && !isPlaceholder(word) && !isMeasureNoun(word);
}
