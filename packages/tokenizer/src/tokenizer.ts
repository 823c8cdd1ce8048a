/** One text as vocabulary ids; the arrays have one entry per piece. */
export interface Encoding {
  readonly ids: number[];
  /**
   * How the vocabulary spells each id. Of `unigram` they spell the normalised text, and a run of unknown symbols is one
   * piece; of `clip-bpe` they are byte symbols, `</w>` after each word.
   */
  readonly pieces: string[];
}

/** Cuts text into the pieces of a vocabulary, which stand for rows of a token embedding. */
export interface Tokenizer {
  /** Id of text that the vocabulary does not cover. */
  readonly unknownId: number;
  /**
   * Cuts any string, lone surrogates included, in time all but linear in its length. Tokens that begin or end a text are
   * not added; a text without anything to cut has no pieces.
   */
  encode(text: string): Encoding;
}
