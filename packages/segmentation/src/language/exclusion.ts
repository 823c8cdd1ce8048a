import { wordsOf, type Part } from './query-parts.js';
import { isConjunction, isDeterminer, isNegation, isUniversal } from './word-kinds.js';

/** What a query takes away from what it asks for. */
export interface Exclusion {
  /** The words that say so. */
  readonly words: readonly string[];
  /**
   * Whole classes, from a part on to the end: "the animals | except the dogs". Nothing for everything else, as "the
   * chair without a person" or "the cars that aren't red".
   */
  readonly taken: { readonly classes: ReadonlySet<number>; readonly start: number } | undefined;
}

/** Words that take away what follows them, each with the words that may stand before its last one. */
const takingAway = [['except'], ['excluding'], ['minus'], ['other', 'than'], ['apart', 'from'], ['aside', 'from']];
const fillers = new Set(['for', 'of', 'also', 'any', 'all', 'and', 'or']);

/** Finds the part of a query that excludes something; nothing when there is none. */
export function findExclusion(parts: readonly Part[]): Exclusion | undefined {
  const texts = parts.map((part) => wordsOf(part).join(' '));
  const words = texts.flatMap((text, index) => {
    const length = startsTakingAway(texts, index);
    return length > 0 || isNegation(text) ? [texts.slice(index, index + Math.max(1, length)).join(' ')] : [];
  });
  if (words.length === 0) return undefined;
  const start = texts.findIndex((_, index) => takenAwayFrom(texts, index) !== undefined);
  const from = start < 0 ? undefined : takenAwayFrom(texts, start);
  const rest = from === undefined ? [] : parts.slice(from);
  const nouns = rest.flatMap((part) => ('match' in part ? [part] : []));
  const isPlain = rest.every((part) => 'match' in part || isFiller(part.word.text));
  const before = parts.slice(0, Math.max(0, start));
  const hasHead = before.some((part) => 'match' in part) && !texts.slice(0, before.length).some(isNegation);
  const classes = new Set(nouns.flatMap(({ match }) => match.classes));
  return {
    words: [...new Set(words)],
    taken: hasHead && isPlain && classes.size > 0 ? { classes, start } : undefined,
  };
}

function isFiller(word: string): boolean {
  return fillers.has(word) || isDeterminer(word);
}

/** "All dogs but the largest". */
function isExceptingBut(texts: readonly string[], index: number): boolean {
  return texts[index] === 'but' && texts.slice(0, index).some((text) => isUniversal(text) || /^every\w+$/.test(text));
}

/** How many words from an index on are one of the phrases that take away; 0 when they are none. */
function startsTakingAway(texts: readonly string[], index: number): number {
  if (isExceptingBut(texts, index)) return 1;
  return takingAway.find((phrase) => phrase.every((word, offset) => texts[index + offset] === word))?.length ?? 0;
}

/** Where that begins which is taken away at an index: after "except", "but not", ", not". */
function takenAwayFrom(texts: readonly string[], index: number): number | undefined {
  const text = texts[index] ?? '';
  if ((text === 'but' || isConjunction(text)) && texts[index + 1] === 'not') return index + 2;
  const length = startsTakingAway(texts, index);
  return length > 0 ? index + length : undefined;
}
