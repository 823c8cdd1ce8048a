import { wordsOf, type NounPart, type Part } from './query-parts.js';
import { isMeasureNoun, isUniversal, startsChoice } from './word-kinds.js';

/** How many objects a query asks for, by its words. */
export interface Quantity {
  /** Exactly so many. */
  readonly count?: number;
  /** The word for the count. */
  readonly countWord?: string;
  /** Whether it asks for several objects or one; undefined when the words leave it open. */
  readonly isPlural?: boolean;
}

const cardinals = 'one two three four five six seven eight nine ten eleven twelve'.split(' ');
const ordinals = 'first second third fourth fifth sixth seventh eighth ninth tenth'.split(' ');
const numerals = new Map(cardinals.map((word, index) => [word, index + 1])).set('dozen', 12);
const several = new Set('all every each any several many few some various multiple these those ones'.split(' '));
const pairs = new Set(['both', 'pair', 'couple']);
const numberSign = new RegExp(`\\bno\\.(?=\\s*(?:\\d+|${cardinals.join('|')})\\b)`, 'gi');
const ordinal = new RegExp(`^(?:${ordinals.join('|')}|last|\\d+(?:st|nd|rd|th))$`);

/**
 * @param phrase - the noun phrase up to its noun, which is its last part: "the two largest | dogs"
 * @param chosenFrom - a phrase after it that chooses among them: "of the two largest dogs, | the one"
 */
export function quantityOf(phrase: readonly Part[], noun: NounPart, chosenFrom: readonly Part[]): Quantity {
  const before = phrase.slice(0, phrase.indexOf(noun)).flatMap(wordsOf);
  const { isPlural } = noun.match;
  // "The larger | of the pair of dogs", "a group | of dogs".
  const from = before.findIndex(startsChoice);
  if (from < 0) return countIn(before) ?? (before.some(isSeveral) ? { isPlural: true } : { ...asPlural(isPlural) });
  const chooser = before.slice(0, from);
  const chosen = chosenFrom.flatMap(wordsOf);
  if (chosen.length > 0) return countIn(chosen) ?? { isPlural: chosen.some(isSeveral) };
  if (chooser.some(isMeasureNoun) && !chooser.includes('number')) {
    return countIn(before.slice(from)) ?? countIn(chooser) ?? { ...asPlural(isPlural) };
  }
  if (chooser.includes('number')) return { isPlural: false };
  // "Every one of the dogs" are several; "any one" is not.
  if (chooser.some(isUniversal)) return countIn(before.slice(from)) ?? { isPlural: true };
  return countIn(chooser) ?? { isPlural: chooser.some(isSeveral) };
}

function isSeveral(word: string): boolean {
  return several.has(word);
}

function asPlural(isPlural: boolean | undefined): Quantity {
  return isPlural === undefined ? {} : { isPlural };
}

/** The count in the words before a noun; an ordinal or "one" asks for one object, "more than one" for several. */
function countIn(words: readonly string[]): Quantity | undefined {
  for (const [index, word] of words.entries()) {
    const count = pairs.has(word) ? 2 : (numerals.get(word) ?? (/^\d{1,3}$/.test(word) ? Number(word) : undefined));
    if (count !== undefined && /^(?:than|least)$/.test(words[index - 1] ?? '')) return { isPlural: true };
    if (count === 1) return { count, isPlural: false };
    if (count !== undefined && count > 1) return { count, countWord: word, isPlural: true };
  }
  return words.some((word) => ordinal.test(word)) ? { count: 1, isPlural: false } : undefined;
}

/** "Dog no. 2" → "dog number 2". */
export function spellNumberSign(text: string): string {
  return text.replaceAll(numberSign, 'number');
}

/** Small numbers in words, as in training: "the 2nd of 3 dogs" → "the second of three dogs". */
export function spellNumbers(text: string): string {
  return text.replaceAll(/\b(\d{1,2})(st|nd|rd|th)?\b/g, (digits, number: string, ending: string | undefined) => {
    const words = ending === undefined ? cardinals : ordinals;
    return words[Number(number) - 1] ?? digits;
  });
}
