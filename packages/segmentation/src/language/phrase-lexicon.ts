import type { BundleClass } from '@tessera/contracts';
import { hasOneForm, pluralOf, splitWords, type Word } from './words.js';

/** A phrase of the lexicon. */
export interface LexiconEntry {
  /** Indices of its classes, ascending. */
  readonly classes: readonly number[];
  /** Whether it is a broader word for every one of them, as "animal". */
  readonly isBroad: boolean;
  /** Undefined when one form is both, as "sheep". */
  readonly isPlural: boolean | undefined;
}

export interface LexiconMatch extends LexiconEntry {
  /** How many words the phrase has. */
  readonly length: number;
}

interface Phrase {
  readonly classes: Set<number>;
  isSingular: boolean;
  isPlural: boolean;
}

/** Finds class names, their synonyms and broader words, singular or plural, in a list of words. */
export class PhraseLexicon {
  readonly #names = new Map<string, Phrase>();
  readonly #broader = new Map<string, Phrase>();
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
      const text = joined(words.slice(start, start + length));
      const name = this.#names.get(text);
      const phrase = name ?? this.#broader.get(text);
      if (phrase !== undefined) {
        const { classes, isSingular, isPlural } = phrase;
        return {
          classes: [...classes].sort((a, b) => a - b),
          isBroad: name === undefined,
          isPlural: isSingular === isPlural ? undefined : isPlural,
          length,
        };
      }
    }
    return undefined;
  }

  #add(entries: Map<string, Phrase>, text: string, index: number): void {
    const singular = splitWords(text);
    const plural = pluralForm(singular);
    const isBoth = hasOneForm(text);
    for (const form of [singular, plural]) {
      const key = joined(form);
      const phrase = entries.get(key) ?? { classes: new Set<number>(), isSingular: false, isPlural: false };
      phrase.classes.add(index);
      phrase.isSingular ||= form === singular;
      phrase.isPlural ||= form === plural || isBoth;
      entries.set(key, phrase);
      this.#longest = Math.max(this.#longest, form.length);
    }
  }
}

/** "wine glass" → "wine glasses"; "glass of wine" → "glasses of wine". */
function pluralForm(words: readonly Word[]): Word[] {
  const of = words.findIndex(({ text }) => text === 'of');
  const noun = of > 0 ? of - 1 : words.length - 1;
  return words.map((word, index) => (index === noun ? { ...word, text: pluralOf(word.text) } : word));
}

function joined(words: readonly Word[]): string {
  return words.map(({ text }) => text).join(' ');
}
