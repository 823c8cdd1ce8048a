/** One word of a query. */
export interface Word {
  /** Lower case, NFKC, without a possessive ending. */
  readonly text: string;
  /** Whether it stood in the possessive: "the dog's bowl". */
  readonly possessive: boolean;
}

const wordPattern = /[\p{L}\p{M}\p{N}]+(?:['’]\p{L}+)*|[,;&+/]/gu;
const possessivePattern = /['’]s?$/u;

/**
 * Splits any text into its words; hyphens and other punctuation separate words, and signs that join them (`,` `;` `&`
 * `+` `/`) become "and".
 */
export function splitWords(text: string): Word[] {
  const words: Word[] = [];
  for (const [match] of text.normalize('NFKC').toLowerCase().matchAll(wordPattern)) {
    if (/^[,;&+/]$/.test(match)) {
      words.push({ text: 'and', possessive: false });
    } else {
      const stripped = match.replace(possessivePattern, '');
      words.push({ text: stripped.replaceAll(/['’]/gu, ''), possessive: stripped !== match });
    }
  }
  return words;
}

/** A text, lower case and NFKC, from one of its words on. */
export function fromWord(text: string, index: number): string {
  const match = [...text.matchAll(wordPattern)][index];
  return match === undefined ? text : text.slice(match.index);
}

const irregularPlurals: Readonly<Record<string, string>> = {
  person: 'people',
  child: 'children',
  mouse: 'mice',
  goose: 'geese',
  foot: 'feet',
  tooth: 'teeth',
  knife: 'knives',
  calf: 'calves',
  loaf: 'loaves',
  ox: 'oxen',
};

/** Nouns with one form for one and for several, and collective nouns. */
const nounsOfOneForm = new Set(
  `sheep skis scissors shears cattle livestock wildlife food furniture tableware cutlery silverware crockery dishes
  dishware drinkware flatware glassware kitchenware traffic fruit electronics seating transportation watercraft couple
  family crowd audience everyone everybody`
    .trim()
    .split(/\s+/),
);

/** Whether the last word of a phrase has one form for one and for several. */
export function hasOneForm(phrase: string): boolean {
  return nounsOfOneForm.has(phrase.split(' ').at(-1) ?? '');
}

/** The regular or irregular plural of an English noun; a plural comes back with an ending that no text has. */
export function pluralOf(noun: string): string {
  const irregular = Object.hasOwn(irregularPlurals, noun) ? irregularPlurals[noun] : undefined;
  if (irregular !== undefined) return irregular;
  if (noun.endsWith('man')) return `${noun.slice(0, -2)}en`;
  if (/(?:s|x|z|ch|sh)$/.test(noun)) return `${noun}es`;
  if (/[^aeiou]y$/.test(noun)) return `${noun.slice(0, -1)}ies`;
  return `${noun}s`;
}
