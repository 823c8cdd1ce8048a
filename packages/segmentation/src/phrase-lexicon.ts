import type { BundleClass } from '@tessera/contracts';
import { pluralOf, splitWords, type Word } from './words.js';

/** What a phrase of the lexicon stands for. */
export interface LexiconEntry {
  /** Indices of the classes that it means, ascending. */
  readonly classes: readonly number[];
  /** Whether it is a broader word for every one of them, as "animal". */
  readonly isBroad: boolean;
}

export interface LexiconMatch extends LexiconEntry {
  /** How many words the phrase has. */
  readonly length: number;
}

/** Finds class names, their synonyms and broader words, singular or plural, in a list of words. */
export class PhraseLexicon {
  readonly #names = new Map<string, Set<number>>();
  readonly #broader = new Map<string, Set<number>>();
  #longest = 0;

  constructor(classes: readonly BundleClass[]) {
    for (const [index, { name, synonyms, broader }] of classes.entries()) {
      for (const phrase of [name, ...synonyms]) this.#add(this.#names, phrase, index);
      for (const phrase of broader) this.#add(this.#broader, phrase, index);
    }
  }

  /** The longest phrase that starts at a word. */
  longestMatch(words: readonly Word[], start: number): LexiconMatch | undefined {
    for (let length = Math.min(this.#longest, words.length - start); length > 0; length--) {
      const phrase = joined(words.slice(start, start + length));
      const names = this.#names.get(phrase);
      const classes = names ?? this.#broader.get(phrase);
      if (classes !== undefined) {
        return { classes: [...classes].sort((a, b) => a - b), isBroad: names === undefined, length };
      }
    }
    return undefined;
  }

  #add(entries: Map<string, Set<number>>, phrase: string, index: number): void {
    const words = splitWords(phrase);
    for (const form of [words, ...pluralForms(words)]) {
      const key = joined(form);
      const classes = entries.get(key) ?? new Set();
      entries.set(key, classes.add(index));
      this.#longest = Math.max(this.#longest, form.length);
    }
  }
}

/** "wine glass" → "wine glasses"; "glass of wine" → "glasses of wine". */
function pluralForms(words: readonly Word[]): Word[][] {
  const of = words.findIndex(({ text }) => text === 'of');
  const noun = of > 0 ? of - 1 : words.length - 1;
  return [words.map((word, index) => (index === noun ? { ...word, text: pluralOf(word.text) } : word))];
}

function joined(words: readonly Word[]): string {
  return words.map(({ text }) => text).join(' ');
}
