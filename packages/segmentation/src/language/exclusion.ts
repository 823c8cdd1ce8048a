import { wordsOf, type Part } from './query-parts.js';
import { isConjunction, isDeterminer, isNegation, isUniversal } from './word-kinds.js';

/** What a query excludes. */
export interface Exclusion {
  /** The excluding words themselves. */
  readonly words: readonly string[];
  /**
   * Whole classes, named from a part on to the end: "the animals | except the dogs". Undefined for any other exclusion:
   * "the chair without a person", "the cars that aren't red".
   */
  readonly excluded: { readonly classes: ReadonlySet<number>; readonly start: number } | undefined;
}

/** Phrases that exclude the classes after them. */
const exclusionPhrases = [
  ['except'],
  ['excluding'],
  ['minus'],
  ['other', 'than'],
  ['apart', 'from'],
  ['aside', 'from'],
];
const fillers = new Set(['for', 'of', 'also', 'any', 'all', 'and', 'or']);

/** The exclusion in a query, if there is one. */
export function findExclusion(parts: readonly Part[]): Exclusion | undefined {
  const texts = parts.map((part) => wordsOf(part).join(' '));
  const words = texts.flatMap((text, index) => {
    const length = exclusionLength(texts, index);
    return length > 0 || isNegation(text) ? [texts.slice(index, index + Math.max(1, length)).join(' ')] : [];
  });
  if (words.length === 0) return undefined;
  const start = texts.findIndex((_, index) => excludedFrom(texts, index) !== undefined);
  const from = start < 0 ? undefined : excludedFrom(texts, start);
  const rest = from === undefined ? [] : parts.slice(from);
  const nouns = rest.flatMap((part) => ('match' in part ? [part] : []));
  const isPlain = rest.every((part) => 'match' in part || isFiller(part.word.text));
  const before = parts.slice(0, Math.max(0, start));
  const hasHead = before.some((part) => 'match' in part) && !texts.slice(0, before.length).some(isNegation);
  const classes = new Set(nouns.flatMap(({ match }) => match.classes));
  return {
    words: [...new Set(words)],
    excluded: hasHead && isPlain && classes.size > 0 ? { classes, start } : undefined,
  };
}

function isFiller(word: string): boolean {
  return fillers.has(word) || isDeterminer(word);
}

/** "All dogs but the largest". */
function isExceptingBut(texts: readonly string[], index: number): boolean {
  return texts[index] === 'but' && texts.slice(0, index).some((text) => isUniversal(text) || /^every\w+$/.test(text));
}

/** How many words from an index on are a phrase that excludes; 0 when they are none. */
function exclusionLength(texts: readonly string[], index: number): number {
  if (isExceptingBut(texts, index)) return 1;
  return exclusionPhrases.find((phrase) => phrase.every((word, offset) => texts[index + offset] === word))?.length ?? 0;
}

/** Where the excluded nouns begin if an index starts an exclusion: after "except", "but not", ", not". */
function excludedFrom(texts: readonly string[], index: number): number | undefined {
  const text = texts[index] ?? '';
  if ((text === 'but' || isConjunction(text)) && texts[index + 1] === 'not') return index + 2;
  const length = exclusionLength(texts, index);
  return length > 0 ? index + length : undefined;
}
