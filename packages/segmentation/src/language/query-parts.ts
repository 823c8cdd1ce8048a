import { regularPlural } from './regular-plural.js';

/** Words that may join what a query asks for: "the cat, the dog and the cup". */
const joins = /\s*,\s*(?:and\s+)?|\s+(?:and(?: also)?|&|plus|as well as|along with|together with|but also)\s+/giu;

const leavingOut =
  'except(?:ing)?(?: for)?|excluding|apart from|aside from|other than|leaving out|save for|barring|with the exception of';

/** Words that may introduce what a query leaves out. */
const exclusion = new RegExp(`\\s*,?\\s+(?:${leavingOut}|but not|but(?! also| only))\\s+|\\s*,\\s*not\\s+`, 'iu');

/** "Except the man on the left, everyone". */
const exclusionFirst = new RegExp(`^(?:${leavingOut})\\s+(.+?)\\s*,\\s*(.+)$`, 'iu');

/** A query for more parts is not taken apart. */
const mostParts = 16;

/** What a query asks for, and what of that it leaves out. */
export interface QueryParts {
  readonly asked: readonly string[];
  /** Whether a comma alone stands before the last thing asked for, as in "of the two cups, the one on the left". */
  readonly endsWithComma: boolean;
  readonly leftOut: readonly string[];
  /** The words that leave something out; none where it is `but`, which mostly does not. */
  readonly exclusion: string | undefined;
}

/**
 * Takes a query apart where it may join several things or leave some out. Whether it does is for the reader to say, of the
 * whole and of each part.
 *
 * @returns nothing for a query without such words
 */
export function queryParts(query: string): QueryParts | undefined {
  const text = query
    .replaceAll(/[()]/gu, ' ')
    .replaceAll(/\s+/gu, ' ')
    .trim()
    .replace(/[.!?]+$/u, '')
    .replace(/\s*,\s*please$/iu, '');
  const first = exclusionFirst.exec(text);
  if (first !== null) {
    const [, left = '', rest = ''] = first;
    return checked({ asked: partsOf(rest), endsWithComma: false, leftOut: partsOf(left), exclusion: `except ${left}` });
  }
  const found = exclusion.exec(text);
  if (found === null) {
    const asked = partsOf(text);
    const last = asked.at(-1) ?? '';
    const endsWithComma = /,\s*$/u.test(text.slice(0, text.length - last.length));
    return asked.length < 2 ? undefined : checked({ asked, endsWithComma, leftOut: [], exclusion: undefined });
  }
  const words = text.slice(found.index).replace(/^[\s,]+/u, '');
  const asked = partsOf(text.slice(0, found.index));
  const leftOut = partsOf(text.slice(found.index + found[0].length));
  if (leftOut.length === 0) return undefined;
  const isBut = /^but\s(?!not\s)/iu.test(words);
  return checked({ asked, endsWithComma: false, leftOut, exclusion: isBut ? undefined : words });
}

function checked(parts: QueryParts): QueryParts | undefined {
  const { asked, leftOut } = parts;
  return asked.length === 0 || asked.length > mostParts || leftOut.length > mostParts ? undefined : parts;
}

function partsOf(text: string): string[] {
  const parts: string[] = [];
  let from = 0;
  for (const { index, 0: word } of text.matchAll(joins)) {
    if (goesOn(text.slice(from, index), text.slice(index + word.length))) continue;
    parts.push(text.slice(from, index));
    from = index + word.length;
  }
  parts.push(text.slice(from));
  const found = parts.filter((part) => part !== '');
  return found.map((part, index) => (index === 0 && found.length > 1 ? part.replace(/^both\s+/iu, '') : part));
}

/** Whether what a joining word stands between is one: a place "between the plate and the spoon", a man "in a suit and tie". */
function goesOn(before: string, after: string): boolean {
  if (/\bbetween\b(?!.*\band\b)/iu.test(before)) return true;
  return /\s(?:in|with|wearing)\s/iu.test(before) && !determiner.test(after);
}

/** What a noun phrase of its own begins with. */
const determiner =
  /^(?:the|an?|all|every|each|any|some|this|that|these|those|my|your|his|her|its|our|their|one|two|three|four|five)\s/iu;

/** How a part without a noun ends. */
const lacksNoun = /(?:est|most|\b(?:left|right|first|second|third|last|middle))$/iu;

/**
 * A part with the noun that it is short for: "the one on the left" as "the horse on the left", "the tallest" as "the tallest
 * horse", "those in front" as "the horses in front". One that has a noun of its own stays.
 *
 * @param hasNoun - whether the part is understood as it stands
 */
export function withNoun(text: string, noun: string, hasNoun: boolean): string {
  if (/^(?:on|in|at|under|behind|near|beside|next to)\s/iu.test(text)) return `the ${noun} ${text}`;
  if (/^those\s/iu.test(text)) return text.replace(/^those/iu, `the ${pluralOf(noun)}`);
  // "One cup" is a number.
  if (/^one\s/iu.test(text)) return text;
  if (/\bones?\b/iu.test(text)) {
    return text.replaceAll(/\bone(s?)\b/giu, (_, plural: string) => (plural === '' ? noun : pluralOf(noun)));
  }
  return !hasNoun && lacksNoun.test(text) ? `${text} ${noun}` : text;
}

function pluralOf(noun: string): string {
  return noun === 'person' ? 'people' : regularPlural(noun);
}

/** Whether a text says that something is not so, or is to be left out. */
export function isNegated(text: string): boolean {
  return /\b(?:not|never|neither|nor|cannot|except|excluding|with the exception of)\b|n['’]t\b/iu.test(text);
}
