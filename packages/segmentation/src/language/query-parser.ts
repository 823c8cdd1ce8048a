import { findExclusion } from './exclusion.js';
import type { PhraseLexicon } from './phrase-lexicon.js';
import { quantityOf, spellNumberSign, type Quantity } from './quantity.js';
import { firstWord, isUnknown, splitParts, wordsOf, type NounPart, type Part } from './query-parts.js';
import { dropPreamble } from './query-preamble.js';
import { splitSentences } from './sentences.js';
import { inTrainingPhrases } from './training-phrases.js';
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
  isUntrainedWord,
  startsChoice,
  startsDescription,
  startsModifier,
  startsPlace,
} from './word-kinds.js';
import { fromWord, splitWords } from './words.js';

/** A query as read by a lexicon of class names and lists of words. */
export interface ParsedQuery {
  /** Classes that the query names, ascending; none if its head noun is not in the lexicon. */
  readonly classes: readonly number[];
  /** Whether the classes are only candidates, named by a broader word that is described further: "the striped animal". */
  readonly isDescribed: boolean;
  /** Words that the lexicon and the word lists do not know. */
  readonly unknownWords: readonly string[];
  /** Known words beside the named classes: positions, sizes, colours, relations with their classes, negations. */
  readonly modifierWords: readonly string[];
  /** Those of the modifier words that choose among what is described: places, order, superlatives, counts, negations. */
  readonly placementWords: readonly string[];
  /** Those of the modifier words that boxes and classes cannot answer: "red", "behind". */
  readonly untrainedWords: readonly string[];
  /** Classes of each object that is named beside the target, in the query's order: "next to the laptop". */
  readonly referenceObjects: readonly (readonly number[])[];
  /** How many objects the query asks for. */
  readonly quantity: Quantity;
  /** Words that exclude anything but whole classes; the query cannot be answered without them. */
  readonly refusedWords: readonly string[];
  /** The query for a language model: lower case, without its preamble and the classes that it excludes. */
  readonly text: string;
}

/**
 * Finds the target of a query: the classes of the last noun of each joined phrase ("the bus driver and the dogs"), before
 * words for its place or activity ("the cup | next to the laptop"). Of several sentences the first request counts, the
 * others describe its target.
 */
export function parseQuery(query: string, lexicon: PhraseLexicon): ParsedQuery {
  const { main, rest } = splitSentences(spellNumberSign(query), lexicon);
  const words = splitWords(main);
  const request = dropPreamble(words);
  const mainParts = headFirst(splitParts(request, lexicon));
  const parts = [...mainParts, ...splitParts(splitWords(rest), lexicon)];
  const exclusion = findExclusion(parts);
  const included = parts.slice(0, exclusion?.excluded?.start ?? parts.length);
  const kept = included.slice(0, included.findLastIndex((part) => !isJoining(part)) + 1);

  const headEnd = findHeadEnd(kept.slice(0, mainParts.length));
  const phrases = refersByPronoun(mainParts) ? [] : targetPhrases(joinedPhrases(kept.slice(0, headEnd)));
  const heads = phrases.flatMap((phrase, index) => {
    const noun = headNoun(phrase);
    return noun === undefined ? [] : [{ noun, phrase, next: phrases[index + 1] ?? [] }];
  });
  const nouns = new Set<Part>(heads.map(({ noun }) => noun));
  const isDescribed = heads.some(
    ({ noun, phrase }) => noun.match.isBroad && (phrase.some(isDescribing) || isDescription(kept.slice(headEnd))),
  );
  const named = [...new Set(heads.flatMap(({ noun }) => noun.match.classes))].sort((a, b) => a - b);
  const classes = named.filter((index) => exclusion?.excluded?.classes.has(index) !== true);
  const isRefused = exclusion !== undefined && (exclusion.excluded === undefined || classes.length === 0);
  const readParts = isRefused ? parts : kept;
  const [head] = heads;
  return {
    classes: isRefused ? named : classes,
    isDescribed,
    ...sortWords(readParts, nouns),
    ...(parts.length === 0 ? { unknownWords: signsOf(query) } : {}),
    referenceObjects: head === undefined ? [] : referenceObjects(readParts.slice(headEnd), named),
    quantity: heads.length > 1 ? { isPlural: true } : head ? quantityOf(head.phrase, head.noun, head.next) : {},
    refusedWords: isRefused ? exclusion.words : [],
    text: inTrainingPhrases(
      exclusion === undefined || isRefused
        ? `${fromWord(main, words.length - request.length)} ${rest}`.trim()
        : kept.flatMap(wordsOf).join(' '),
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
  const isNounPhrase = next !== undefined && ('match' in next || isDeterminer(next.word.text));
  return isNounPhrase && rest.some((part) => 'match' in part) ? [...rest, ...parts.slice(0, end)] : parts;
}

function isJoining(part: Part): boolean {
  return 'word' in part && isConjunction(part.word.text);
}

/** The characters of a query that has no word. */
function signsOf(query: string): string[] {
  return [...new Set(query.split(/\s+/))].filter((sign) => sign !== '');
}

/** Objects named after the head, unless they are of its class: "the dog left of all other dogs". */
function referenceObjects(parts: readonly Part[], classes: readonly number[]): (readonly number[])[] {
  const matches = parts.flatMap((part) => ('match' in part ? [part.match] : []));
  return matches.map((match) => match.classes).filter((other) => !other.some((index) => classes.includes(index)));
}

/**
 * Whether a pronoun stands for the target: "it barks at strangers", "you sit on this". Not in "both of them", nor for a
 * noun before it, as in "the cup with a plate below it".
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

/** The index of the part that ends the head of the query: the first one after a noun that starts a modifier. */
function findHeadEnd(parts: readonly Part[]): number {
  let hasNoun = false;
  for (const [index, part] of parts.entries()) {
    if ('match' in part) hasNoun = true;
    else if (isConjunction(part.word.text) && !(hasNoun && opensModifier(parts[index + 1]))) hasNoun = false;
    else if (hasNoun && isConjunction(part.word.text)) return index;
    else if (hasNoun && (startsModifier(part.word.text) || isDeterminer(part.word.text))) return index;
    else if (isPlaceholder(part.word.text)) hasNoun ||= standsAlone(parts[index + 1]);
    else if (isUnknown(part.word.text)) hasNoun ||= !startsModifier(part.word.text);
  }
  return parts.length;
}

/** Whether a part starts a modifier of the noun before it: "the dog, | sitting on the sofa". */
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

/** Of "out of the dogs, the largest dog" the second phrase; otherwise all phrases. */
function targetPhrases(phrases: readonly Part[][]): readonly Part[][] {
  const [choice = [], chosen = []] = phrases;
  const [from, one] = [headNoun(choice), headNoun(chosen)];
  const isChoice = startsChoice(firstWord(choice[0]) ?? '') && from !== undefined && one !== undefined;
  return isChoice && from.match.classes.join() === one.match.classes.join() ? phrases.slice(1) : phrases;
}

/** The last phrase of the lexicon, unless an unknown noun follows it ("dog leash") or it is a possessor. */
function headNoun(phrase: readonly Part[]): NounPart | undefined {
  let noun: NounPart | undefined;
  for (const part of phrase) {
    if ('match' in part) noun = part;
    else if (isUnknown(part.word.text) || isPlaceholder(part.word.text)) noun = undefined;
  }
  return noun?.words.at(-1)?.possessive === true ? undefined : noun;
}

/** Whether a part describes more than place, size or number: "the striped animal". */
function isDescribing(part: Part): boolean {
  return 'word' in part && (isUnknown(part.word.text) || isAppearanceWord(part.word.text));
}

/** Whether the parts after a noun describe it: "the animal | that barks". */
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
): Pick<ParsedQuery, 'unknownWords' | 'modifierWords' | 'placementWords' | 'untrainedWords'> {
  const unknownWords = new Set<string>();
  const modifierWords = new Set<string>();
  for (const [index, part] of parts.entries()) {
    if (nouns.has(part) || isHandOfSide(part, parts[index - 1])) continue;
    if ('match' in part) {
      for (const { text } of part.words) if (!isFunctionWord(text)) modifierWords.add(text);
    } else if (isAttributeWord(part.word.text) || isNegation(part.word.text)) {
      modifierWords.add(part.word.text);
    } else if (isUnknown(part.word.text)) {
      unknownWords.add(part.word.text);
    }
  }
  return {
    unknownWords: [...unknownWords],
    modifierWords: [...modifierWords],
    placementWords: [...modifierWords].filter((word) => isPlacementWord(word) || isNegation(word)),
    untrainedWords: [...modifierWords].filter(isUntrainedWord),
  };
}
