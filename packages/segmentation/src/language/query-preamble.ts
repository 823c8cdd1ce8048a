import { isDeterminer, isRequestWord } from './word-kinds.js';
import type { Word } from './words.js';

const openers = new Set(['can', 'could', 'would', 'will', 'i']);
const followers = new Set([...openers, 'you', 'me', 'us', 'like', 'to', 'a', 'the', 'of', 'out', 'cut', 'pick']);
const masks = new Set(['mask', 'masks', 'outline', 'segmentation']);

/**
 * Removes the opening of a request: "could you cut out", "I would like a mask of", "where is", "what is" before a
 * determiner ("What is the dog doing?" asks for the dog). A query of nothing else stays as it is.
 */
export function dropPreamble(words: readonly Word[]): readonly Word[] {
  const texts = words.map(({ text }) => text);
  const [first = '', second = '', third = ''] = texts;
  if (first === 'what' && (second === 'is' || second === 'are') && isDeterminer(third)) return words.slice(2);
  if (first === 'where' && (second === 'is' || second === 'are') && third !== '') return words.slice(2);
  if (first === 'pick' && second === 'up') return words;
  if (!openers.has(first) && !isRequestWord(first) && first !== 'cut') return words;
  const end = texts.findIndex((text) => !followers.has(text) && !isRequestWord(text));
  const belongsToRest = (text: string, index: number): boolean =>
    text === 'a' || text === 'the' || (text === 'of' && !masks.has(texts[index - 1] ?? ''));
  // "Find | the dog", "mark | of the dogs the largest", but "a mask of | dogs".
  const start = texts.slice(0, Math.max(0, end)).findLastIndex((text, index) => !belongsToRest(text, index)) + 1;
  return end < 0 ? words : words.slice(start);
}
