import { findExclusion } from './exclusion.js';
import type { PhraseLexicon } from './phrase-lexicon.js';
import { quantityOf, spellNumberSign, type Quantity } from './quantity.js';
import { firstWord, isStrange, splitParts, wordsOf, type NounPart, type Part } from './query-parts.js';
import { dropPreamble } from './query-preamble.js';
import { splitSentences } from './sentences.js';
import { inTaughtWords } from './taught-words.js';
import {
  isAppearanceWord,
  isAttributeWord,
  isConjunction,
  isDeterminer,
  isFunctionWord,
  isMeasureNoun,
  isNegation,
  isPlaceholder,
  isPlacementWord,
  isPronoun,
  startsChoice,
  startsDescription,
  startsModifier,
  startsPlace,
} from './word-kinds.js';
import { fromWord, splitWords } from './words.js';

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
  /** Classes of each thing that is named beside the one asked for, in the query's order: "next to the laptop". */
  readonly otherThings: readonly (readonly number[])[];
  /** How many things are asked for. */
  readonly quantity: Quantity;
  /** Words that exclude something other than whole classes: without them the query would mean something else. */
  readonly refusedWords: readonly string[];
  /** The query for a language model: lower case, without how it asks and what was taken out of the classes. */
  readonly text: string;
}

/**
 * Reads what a query asks for: the named classes of the last noun of each joined phrase ("the bus driver and the dogs"),
 * before anything that only says where it is or what it does ("the cup | next to the laptop"). Of several sentences the
 * first one that asks for something counts; the others say more about it.
 */
export function parseQuery(query: string, lexicon: PhraseLexicon): ParsedQuery {
  const { main, rest } = splitSentences(spellNumberSign(query), lexicon);
  const words = splitWords(main);
  const request = dropPreamble(words);
  const asked = headFirst(splitParts(request, lexicon));
  const parts = [...asked, ...splitParts(splitWords(rest), lexicon)];
  const exclusion = findExclusion(parts);
  const said = withoutTrailing(isJoining, parts.slice(0, exclusion?.taken?.start ?? parts.length));

  const headEnd = findHeadEnd(said.slice(0, asked.length));
  const phrases = refersByPronoun(asked) ? [] : askedPhrases(joinedPhrases(said.slice(0, headEnd)));
  const heads = phrases.flatMap((phrase, index) => {
    const noun = headNoun(phrase);
    return noun === undefined ? [] : [{ noun, phrase, next: phrases[index + 1] ?? [] }];
  });
  const nouns = new Set<Part>(heads.map(({ noun }) => noun));
  const isDescribed = heads.some(
    ({ noun, phrase }) => noun.match.isBroad && (phrase.some(isDescribing) || isDescription(said.slice(headEnd))),
  );
  const named = [...new Set(heads.flatMap(({ noun }) => noun.match.classes))].sort((a, b) => a - b);
  const classes = named.filter((index) => exclusion?.taken?.classes.has(index) !== true);
  const isRefused = exclusion !== undefined && (exclusion.taken === undefined || classes.length === 0);
  const meant = isRefused ? { classes: named, parts } : { classes, parts: said };
  const [head] = heads;
  return {
    classes: meant.classes,
    isDescribed,
    ...sortWords(meant.parts, nouns),
    ...(parts.length === 0 ? { strangeWords: signsOf(query) } : {}),
    otherThings: head === undefined ? [] : otherThings(meant.parts.slice(headEnd), named),
    quantity: heads.length > 1 ? { isPlural: true } : head ? quantityOf(head.phrase, head.noun, head.next) : {},
    refusedWords: isRefused ? exclusion.words : [],
    text: inTaughtWords(
      exclusion === undefined || isRefused
        ? `${fromWord(main, words.length - request.length)} ${rest}`.trim()
        : said.flatMap(wordsOf).join(' '),
    ),
  };
}

/** "Between the dog and the cat, the ball" as "the ball between the dog and the cat". */
function headFirst(parts: readonly Part[]): readonly Part[] {
  const first = firstWord(parts[0]) ?? '';
  if (!startsPlace(first)) return parts;
  const joints = parts.flatMap((part, index) => (isJoining(part) ? [index] : []));
  const end = joints[first === 'between' ? 1 : 0] ?? parts.length;
  const rest = parts.slice(end + 1);
  const [next] = rest;
  const isAsked = next !== undefined && ('match' in next || isDeterminer(next.word.text));
  return isAsked && rest.some((part) => 'match' in part) ? [...rest, ...parts.slice(0, end)] : parts;
}

function isJoining(part: Part): boolean {
  return 'word' in part && isConjunction(part.word.text);
}

function withoutTrailing(isLeftOut: (part: Part) => boolean, parts: readonly Part[]): Part[] {
  return parts.slice(0, parts.findLastIndex((part) => !isLeftOut(part)) + 1);
}

/** What stands in a query that has no word. */
function signsOf(query: string): string[] {
  return [...new Set(query.split(/\s+/))].filter((sign) => sign !== '');
}

/** Things named after the head, unless they are of its own kind: "the dog left of all other dogs". */
function otherThings(parts: readonly Part[], classes: readonly number[]): (readonly number[])[] {
  const matches = parts.flatMap((part) => ('match' in part ? [part.match] : []));
  return matches.map((match) => match.classes).filter((other) => !other.some((index) => classes.includes(index)));
}

/**
 * Whether the thing is a pronoun's: "it barks at strangers", "you sit on this". Not in "both of them", nor where it stands
 * for a noun before it, as in "the cup with a plate below it".
 */
function refersByPronoun(parts: readonly Part[]): boolean {
  const having = parts.findIndex((part, index) => firstWord(part) === 'with' && 'match' in (parts[index - 1] ?? {}));
  return parts.some((part, index) => {
    if ('match' in part || (having >= 0 && having < index - 1)) return false;
    const { text } = part.word;
    if (text === 'them' && firstWord(parts[index - 1]) === 'of') return false;
    return isPronoun(text, firstWord(parts[index + 1])) || (index === 0 && text === 'you');
  });
}

/** The index of the word that ends the head of the query: the first one after a noun that starts something else. */
function findHeadEnd(parts: readonly Part[]): number {
  let hasNoun = false;
  for (const [index, part] of parts.entries()) {
    if ('match' in part) hasNoun = true;
    else if (isConjunction(part.word.text) && !(hasNoun && opensModifier(parts[index + 1]))) hasNoun = false;
    else if (hasNoun && isConjunction(part.word.text)) return index;
    else if (hasNoun && (startsModifier(part.word.text) || isDeterminer(part.word.text))) return index;
    else if (isPlaceholder(part.word.text)) hasNoun ||= standsAlone(parts[index + 1]);
    else if (isStrange(part.word.text)) hasNoun ||= !startsModifier(part.word.text);
  }
  return parts.length;
}

/** Whether a part goes on about a noun: "the dog, | sitting on the sofa". */
function opensModifier(part: Part | undefined): boolean {
  return part !== undefined && 'word' in part && startsModifier(part.word.text) && !isPlacementWord(part.word.text);
}

/** Whether a placeholder is a noun by what follows it: not in "what animal", "what kind of food" or "one of the dogs". */
function standsAlone(next: Part | undefined): boolean {
  return next === undefined || ('word' in next && !startsChoice(next.word.text) && !isMeasureNoun(next.word.text));
}

function joinedPhrases(parts: readonly Part[]): Part[][] {
  const phrases: Part[][] = [[]];
  for (const part of parts) {
    if ('word' in part && isConjunction(part.word.text)) phrases.push([]);
    else phrases.at(-1)?.push(part);
  }
  return phrases;
}

/** Of "out of the dogs, the largest dog" only what is chosen; otherwise all phrases. */
function askedPhrases(phrases: readonly Part[][]): readonly Part[][] {
  const [choice = [], chosen = []] = phrases;
  const [from, one] = [headNoun(choice), headNoun(chosen)];
  const isChoice = startsChoice(firstWord(choice[0]) ?? '') && from !== undefined && one !== undefined;
  return isChoice && from.match.classes.join() === one.match.classes.join() ? phrases.slice(1) : phrases;
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

/** Whether a part says more about a noun than where it is, how large or how many: "the striped animal". */
function isDescribing(part: Part): boolean {
  return 'word' in part && (isStrange(part.word.text) || isAppearanceWord(part.word.text));
}

/** Whether what follows a noun says what it is or does: "the animal | that barks". */
function isDescription([first, ...rest]: readonly Part[]): boolean {
  return (
    first !== undefined && 'word' in first && startsDescription(first.word.text) && [first, ...rest].some(isDescribing)
  );
}

/** "On the left hand side". */
function isHandOfSide(part: Part, previous: Part | undefined): boolean {
  const side = firstWord(previous);
  return firstWord(part) === 'hand' && (side === 'left' || side === 'right');
}

function sortWords(
  parts: readonly Part[],
  nouns: ReadonlySet<Part>,
): Pick<ParsedQuery, 'strangeWords' | 'modifierWords' | 'placementWords'> {
  const strangeWords = new Set<string>();
  const modifierWords = new Set<string>();
  for (const [index, part] of parts.entries()) {
    if (nouns.has(part) || isHandOfSide(part, parts[index - 1])) continue;
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
