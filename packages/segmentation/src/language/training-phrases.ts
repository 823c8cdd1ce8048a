import { spellNumbers } from './quantity.js';

const determiners = 'an?|the|his|her|its|their';
const places = 'in|on|at|by|next|near|beside|behind|under|between|left|right';

/** Phrasings in place of those of the training queries; each rule sees the result of the ones before it. */
const rules: readonly (readonly [pattern: RegExp, words: string])[] = [
  // The model confuses the greatest height with the greatest distance.
  [sizeOf('greatest|largest|biggest|maximum|most', 'size|area|extent'), 'of the largest size'],
  [sizeOf('least|smallest|minimum', 'size|area|extent'), 'of the smallest size'],
  [sizeOf('greatest|largest|biggest|maximum', 'height'), 'that is the tallest'],
  // Training has "on" for riding: the boxes look the same.
  [postureOf('rides|riding', determiners), 'on'],
  [postureOf('sits|rides|riding', places), 'sitting'],
  [postureOf('stands', places), 'standing'],
  [postureOf('lies|rests|resting', places), 'lying'],
  [/^who (?=(?:on|sitting|standing|lying)\b)/g, 'who is '],
];

function sizeOf(degree: string, measure: string): RegExp {
  return new RegExp(`\\b(?:with|of|that has|which has) (?:the )?(?:${degree}) (?:${measure})\\b`, 'g');
}

function postureOf(verbs: string, next: string): RegExp {
  return new RegExp(`(?:(?<=\\S )(?:that|which|who) (?:is |are )?)?\\b(?:${verbs})(?= (?:${next})\\b)`, 'g');
}

/** A query, lower case, as in the training queries: numbers spelled, sizes and postures in their words. */
export function inTrainingPhrases(text: string): string {
  return rules.reduce((phrase, [pattern, words]) => phrase.replaceAll(pattern, words), spellNumbers(text));
}
