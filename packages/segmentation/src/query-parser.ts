import type { LexiconMatch, PhraseLexicon } from './phrase-lexicon.js';
import { splitWords, type Word } from './words.js';
import {
  isAttributeWord,
  isConjunction,
  isFunctionWord,
  isMeasureNoun,
  isPlaceholder,
  isPlacementWord,
  startsModifier,
} from './word-kinds.js';

/** What the words of a query say, as far as a lexicon of class names can tell. */
export interface ParsedQuery {
  /** Classes that the query names, ascending; none if its head noun is not in the lexicon. */
  readonly classes: readonly number[];
  /** Words that the lexicon and the word lists do not know. */
  readonly strangeWords: readonly string[];
  /** Known words beside the named classes: positions, sizes, colours, relations, and other classes in relations. */
  readonly modifierWords: readonly string[];
  /** Those of the modifier words that tell one thing from others of its kind: places, order, superlatives, counts. */
  readonly placementWords: readonly string[];
}

/** A phrase of the lexicon, or a word that begins none. */
type Part = { readonly match: LexiconMatch; readonly words: readonly Word[] } | { readonly word: Word };

/**
 * Reads what a query asks for: the named classes of the last noun of each joined phrase ("the bus driver and the dogs"),
 * before anything that only says where it is or what it does ("the cup | next to the laptop").
 */
export function parseQuery(query: string, lexicon: PhraseLexicon): ParsedQuery {
  const parts = splitParts(splitWords(query), lexicon);
  const headEnd = findHeadEnd(parts);
  const classes = new Set<number>();
  const named = new Set<Part>();
  for (const phrase of joinedPhrases(parts.slice(0, headEnd))) {
    const noun = headNoun(phrase);
    if (noun === undefined) continue;
    named.add(noun);
    for (const index of noun.match.classes) classes.add(index);
  }

  const strangeWords = new Set<string>();
  const modifierWords = new Set<string>();
  for (const part of parts) {
    if (named.has(part)) continue;
    if ('match' in part) {
      for (const { text } of part.words) if (!isFunctionWord(text)) modifierWords.add(text);
    } else if (isAttributeWord(part.word.text)) {
      modifierWords.add(part.word.text);
    } else if (isStrange(part.word.text)) {
      strangeWords.add(part.word.text);
    }
  }
  return {
    classes: [...classes].sort((a, b) => a - b),
    strangeWords: [...strangeWords],
    modifierWords: [...modifierWords],
    placementWords: [...modifierWords].filter(isPlacementWord),
  };
}

function splitParts(words: readonly Word[], lexicon: PhraseLexicon): Part[] {
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

/** The index of the word that ends the head of the query: the first one after a noun that starts a modifier. */
function findHeadEnd(parts: readonly Part[]): number {
  let hasNoun = false;
  for (const [index, part] of parts.entries()) {
    if ('match' in part) hasNoun = true;
    else if (hasNoun && startsModifier(part.word.text)) return index;
    else if (isPlaceholder(part.word.text)) hasNoun ||= standsAlone(parts[index + 1]);
    else if (isStrange(part.word.text)) hasNoun ||= !startsModifier(part.word.text);
  }
  return parts.length;
}

/** Whether a placeholder is a noun by what follows it: not in "what animal", "what kind of food" or "one of the dogs". */
function standsAlone(next: Part | undefined): boolean {
  return next === undefined || ('word' in next && next.word.text !== 'of' && !isMeasureNoun(next.word.text));
}

function joinedPhrases(parts: readonly Part[]): Part[][] {
  const phrases: Part[][] = [[]];
  for (const part of parts) {
    if ('word' in part && isConjunction(part.word.text)) phrases.push([]);
    else phrases.at(-1)?.push(part);
  }
  return phrases;
}

/** The last phrase of the lexicon, unless a strange noun follows it ("dog leash") or it is a possessor. */
function headNoun(phrase: readonly Part[]): Extract<Part, { match: LexiconMatch }> | undefined {
  let noun: Extract<Part, { match: LexiconMatch }> | undefined;
  for (const part of phrase) {
    if ('match' in part) noun = part;
    else if (isStrange(part.word.text) || isPlaceholder(part.word.text)) noun = undefined;
  }
  return noun?.words.at(-1)?.possessive === true ? undefined : noun;
}

function isStrange(word: string): boolean {
  return !isFunctionWord(word) && !isAttributeWord(word) && !isPlaceholder(word) && !isMeasureNoun(word);
}
