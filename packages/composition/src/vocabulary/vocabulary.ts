import type { VocabularyDescription } from '@tessera/contracts';

/** The learned token embeddings of a vocabulary. */
export interface LearnedPrompts {
  readonly rows: number;
  /** Width W of the text encoder's token embeddings. */
  readonly width: number;
  /** `[rows, W]`. `csp`: one row for each attribute, then for each object; `coop`: the context before the words. */
  readonly values: Float32Array;
}

/** Names, and the soft prompts that were trained for them with one base model. */
export interface Vocabulary extends VocabularyDescription {
  /** There are none for method `clip`. */
  learned: LearnedPrompts | undefined;
}
