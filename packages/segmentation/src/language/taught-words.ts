import { spellNumbers } from './quantity.js';

const determiners = 'an?|the|his|her|its|their';
const places = 'in|on|at|by|next|near|beside|behind|under|between|left|right';

/** What the model was taught to say in other words; each rule sees what the ones before it have said. */
const rules: readonly (readonly [pattern: RegExp, words: string])[] = [
  // The greatest height it takes for the greatest distance.
  [sizeOf('greatest|largest|biggest|maximum|most', 'size|area|extent'), 'of the largest size'],
  [sizeOf('least|smallest|minimum', 'size|area|extent'), 'of the smallest size'],
  [sizeOf('greatest|largest|biggest|maximum', 'height'), 'that is the tallest'],
  // By the boxes, who rides something is on it.
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

/** A query, lower case, in words that the language model was taught: numbers spelled, sizes and postures as in training. */
export function inTaughtWords(text: string): string {
  return rules.reduce((said, [pattern, words]) => said.replaceAll(pattern, words), spellNumbers(text));
}
