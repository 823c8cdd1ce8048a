import { spellNumbers } from './quantity.js';

/** Sizes that the model was taught to name in other words; the greatest height it takes for the greatest distance. */
const sizes: readonly (readonly [pattern: RegExp, words: string])[] = [
  [sizeOf('greatest|largest|biggest|maximum|most', 'size|area|extent'), 'of the largest size'],
  [sizeOf('least|smallest|minimum', 'size|area|extent'), 'of the smallest size'],
  [sizeOf('greatest|largest|biggest|maximum', 'height'), 'that is the tallest'],
];

function sizeOf(degree: string, measure: string): RegExp {
  return new RegExp(`\\b(?:with|of|that has|which has) (?:the )?(?:${degree}) (?:${measure})\\b`, 'g');
}

/** A query, lower case, in words that the language model was taught: numbers spelled, sizes as the training says them. */
export function inTaughtWords(text: string): string {
  return sizes.reduce((said, [pattern, words]) => said.replaceAll(pattern, words), spellNumbers(text));
}
