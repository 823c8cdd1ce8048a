import { parseClipDefinition, type ClipDefinition } from './clip-definition.js';
import { ClipTokenizer } from './clip-tokenizer.js';
import { TokenizerDefinitionError } from './definition-error.js';
import type { Tokenizer } from './tokenizer.js';
import { parseUnigramDefinition, type UnigramDefinition } from './unigram-definition.js';
import { UnigramTokenizer } from './unigram-tokenizer.js';

/** The contents of a bundle's `tokenizer.json`; `type` says which. */
export type TokenizerDefinition = UnigramDefinition | ClipDefinition;

/** Reads a parsed `tokenizer.json`; throws {@link TokenizerDefinitionError} when it is not one. */
export function loadTokenizer(json: unknown): Tokenizer {
  if (typeof json !== 'object' || json === null) throw new TokenizerDefinitionError('Expected a JSON object.');
  const { type } = json as { type?: unknown };
  if (type === 'unigram') return new UnigramTokenizer(parseUnigramDefinition(json));
  if (type === 'clip-bpe') return new ClipTokenizer(parseClipDefinition(json));
  throw new TokenizerDefinitionError(`Expected type "unigram" or "clip-bpe", got ${JSON.stringify(type)}.`);
}
