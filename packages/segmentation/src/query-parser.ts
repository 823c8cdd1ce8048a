import type { LexiconMatch, PhraseLexicon } from './phrase-lexicon.js';
import { splitWords, type Word } from './words.js';
import {
  isAttributeWord,
  isConjunction,
  isDeterminer,
  isFunctionWord,
  isMeasureNoun,
  isNegation,
  isPlaceholder,
  isPlacementWord,
  isPronoun,
  startsDescription,
  startsModifier,
} from './word-kinds.js';

/** What the words of a query say, as far as a lexicon of class names can tell. */
export interface ParsedQuery {
  /** Classes that the query names, ascending; none if its head noun is not in the lexicon. */
  readonly classes: readonly number[];
  /** Whether the classes are only candidates, named by a broader word that is described further: "the striped animal". */
  readonly isDescribed: boolean;
  /** Words that the lexicon and the word lists do not know. */
  readonly strangeWords: readonly string[];
  /** Known words beside the named classes: positions, sizes, colours, relations with their classes, negations. */
  readonly modifierWords: readonly string[];
  /** Those of the modifier words that choose among what is described: places, order, superlatives, counts, negations. */
  readonly placementWords: readonly string[];
}

interface NounPart {
  readonly match: LexiconMatch;
  readonly words: readonly Word[];
}

/** A phrase of the lexicon, or a word that begins none. */
type Part = NounPart | { readonly word: Word };

/**
 * Reads what a query asks for: the named classes of the last noun of each joined phrase ("the bus driver and the dogs"),
 * before anything that only says where it is or what it does ("the cup | next to the laptop").
 */
export function parseQuery(query: string, lexicon: PhraseLexicon): ParsedQuery {
  const parts = splitParts(dropQuestion(splitWords(query)), lexicon);
  const headEnd = findHeadEnd(parts);
  const phrases = refersByPronoun(parts) ? [] : joinedPhrases(parts.slice(0, headEnd));
  const nouns = new Set<Part>();
  let isDescribed = false;
  const classes = new Set<number>();
  for (const phrase of phrases) {
    const noun = headNoun(phrase);
    if (noun === undefined) continue;
    nouns.add(noun);
    isDescribed ||= noun.match.isBroad && (phrase.some(isDescribing) || opensDescription(parts[headEnd]));
    for (const index of noun.match.classes) classes.add(index);
  }
  return { classes: [...classes].sort((a, b) => a - b), isDescribed, ...sortWords(parts, nouns) };
}

/** "What is the dog doing?" asks for the dog. */
function dropQuestion(words: readonly Word[]): readonly Word[] {
  const [first, second, third] = words.map(({ text }) => text);
  const asks = first === 'what' && (second === 'is' || second === 'are') && isDeterminer(third ?? '');
  return asks ? words.slice(2) : words;
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

/** Whether the thing is a pronoun's: "it barks at strangers", "you sit on this". */
function refersByPronoun(parts: readonly Part[]): boolean {
  return parts.some((part, index) => {
    if ('match' in part) return false;
    const next = parts[index + 1];
    const nextText = next === undefined ? undefined : 'match' in next ? next.words[0]?.text : next.word.text;
    return isPronoun(part.word.text, nextText) || (index === 0 && part.word.text === 'you');
  });
}

/** The index of the word that ends the head of the query: the first one after a noun that starts something else. */
function findHeadEnd(parts: readonly Part[]): number {
  let hasNoun = false;
  for (const [index, part] of parts.entries()) {
    if ('match' in part) hasNoun = true;
    else if (isConjunction(part.word.text)) hasNoun = false;
    else if (hasNoun && (startsModifier(part.word.text) || isDeterminer(part.word.text))) return index;
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
function headNoun(phrase: readonly Part[]): NounPart | undefined {
  let noun: NounPart | undefined;
  for (const part of phrase) {
    if ('match' in part) noun = part;
    else if (isStrange(part.word.text) || isPlaceholder(part.word.text)) noun = undefined;
  }
  return noun?.words.at(-1)?.possessive === true ? undefined : noun;
}

/** Whether a part of a noun phrase says more about the noun than where it is: "the striped animal". */
function isDescribing(part: Part): boolean {
  if ('match' in part) return false;
  const { text } = part.word;
  return isStrange(text) || (isAttributeWord(text) && !isPlacementWord(text));
}

function opensDescription(part: Part | undefined): boolean {
  return part !== undefined && 'word' in part && startsDescription(part.word.text);
}

function sortWords(
  parts: readonly Part[],
  nouns: ReadonlySet<Part>,
): Pick<ParsedQuery, 'strangeWords' | 'modifierWords' | 'placementWords'> {
  const strangeWords = new Set<string>();
  const modifierWords = new Set<string>();
  for (const part of parts) {
    if (nouns.has(part)) continue;
    if ('match' in part) {
      for (const { text } of part.words) if (!isFunctionWord(text)) modifierWords.add(text);
    } else if (isAttributeWord(part.word.text) || isNegation(part.word.text)) {
      modifierWords.add(part.word.text);
    } else if (isStrange(part.word.text)) {
      strangeWords.add(part.word.text);
    }
  }
  return {
    strangeWords: [...strangeWords],
    modifierWords: [...modifierWords],
    placementWords: [...modifierWords].filter((word) => isPlacementWord(word) || isNegation(word)),
  };
}

function isStrange(word: string): boolean {
  return !isFunctionWord(word) && !isAttributeWord(word) && !isPlaceholder(word) && !isMeasureNoun(word);
}
