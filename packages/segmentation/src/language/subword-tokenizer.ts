import { Tokenizer } from '@huggingface/tokenizers';
import type { Bundle } from '@tessera/inference';
import { readJson } from './bundle-classes.js';

/** Cuts texts into the tokens of a language model. */
export interface SubwordTokenizer {
  encode(
    text: string,
    options?: { readonly add_special_tokens?: boolean },
  ): {
    readonly ids: number[];
    readonly tokens: string[];
  };
  /** Tokens that are no part of its language, by their numbers. */
  get_added_tokens_decoder(): ReadonlyMap<number, { readonly content: string }>;
}

/** The declarations of the package import modules that are not in it, so they have no types. */
const create = Tokenizer as unknown as new (definition: unknown, configuration: object) => SubwordTokenizer;

/**
 * The tokenizer in a bundle's file, a `tokenizer.json` of Hugging Face.
 *
 * @throws BundleError or Error when the file is missing or is not of its form
 */
export async function loadSubwordTokenizer(bundle: Bundle, file: string): Promise<SubwordTokenizer> {
  return new create(await readJson(bundle, file), {});
}
