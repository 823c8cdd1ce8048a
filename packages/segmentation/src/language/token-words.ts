/** A word of a query, and the tokens that it was cut into. */
export interface TokenWord {
  /** Without the punctuation around it. */
  readonly text: string;
  /** The first of its tokens, and one past the last. */
  readonly tokens: readonly [from: number, to: number];
}

const utf8 = new TextEncoder();

/**
 * The words of a text with their tokens, words without a letter or digit left out.
 *
 * @param text - without outer spaces
 * @param tokens - of a byte-level vocabulary for a space and the text: each character of a token stands for one byte
 */
export function tokenWords(text: string, tokens: readonly string[]): TokenWord[] {
  const ends: number[] = []; // in bytes of the text with its space
  for (const token of tokens) ends.push((ends.at(-1) ?? 0) + token.length);
  const words: TokenWord[] = [];
  let start = 0;
  for (const part of text.split(/(\s+)/u)) {
    const end = start + utf8.encode(part).length;
    const word = part.replaceAll(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, '');
    if (word !== '') {
      // The space before the text is one byte more.
      const from = ends.findIndex((tokenEnd) => tokenEnd > start + 1);
      const to = ends.findIndex((tokenEnd) => tokenEnd >= end + 1);
      if (from >= 0) words.push({ text: word, tokens: [from, to < 0 ? tokens.length : to + 1] });
    }
    start = end;
  }
  return words;
}
