import { byteSymbols } from './byte-symbols.js';
import { TokenizerDefinitionError } from './definition-error.js';

/** Ends the last piece of a word. */
export const wordEnd = '</w>';
/** CLIP pads and marks unknown text with the token that ends it. */
export const endOfText = '<|endoftext|>';

/** A `tokenizer.json` of type `clip-bpe`: the fields of `model` in the tokenizer.json that Hugging Face has for CLIP. */
export interface ClipDefinition {
  readonly type: 'clip-bpe';
  /** Id of each piece: every byte's symbol with and without `</w>`, what merges give, and the special tokens. */
  readonly vocab: Readonly<Record<string, number>>;
  /** Pieces that are joined, most urgent first: `"t h"` or `["t", "h"]`. */
  readonly merges: readonly (string | readonly [left: string, right: string])[];
}

/** A definition whose merges and symbols were all found in the vocabulary. */
export interface ClipVocabulary {
  readonly ids: ReadonlyMap<string, number>;
  readonly merges: readonly (readonly [left: string, right: string])[];
}

/** Checks the fields of a definition; throws {@link TokenizerDefinitionError}. */
export function parseClipDefinition(json: object): ClipVocabulary {
  const { vocab, merges } = json as Partial<Record<keyof ClipDefinition, unknown>>;
  if (typeof vocab !== 'object' || vocab === null || Array.isArray(vocab)) {
    throw new TokenizerDefinitionError('Expected `vocab` to be an object.');
  }
  const ids = new Map<string, number>();
  for (const [piece, id] of Object.entries(vocab as Record<string, unknown>)) {
    if (!Number.isSafeInteger(id) || (id as number) < 0) {
      throw new TokenizerDefinitionError(`Expected the id of ${JSON.stringify(piece)} to be a whole number.`);
    }
    ids.set(piece, id as number);
  }
  if (new Set(ids.values()).size < ids.size) throw new TokenizerDefinitionError('Expected ids to be distinct.');
  for (const piece of [endOfText, ...byteSymbols.flatMap((symbol) => [symbol, symbol + wordEnd])]) {
    if (!ids.has(piece)) throw new TokenizerDefinitionError(`Expected a piece ${JSON.stringify(piece)}.`);
  }
  if (!Array.isArray(merges)) throw new TokenizerDefinitionError('Expected `merges` to be an array.');
  return { ids, merges: merges.map((merge, index) => checkMerge(merge, index, ids)) };
}

function checkMerge(merge: unknown, index: number, ids: ReadonlyMap<string, number>): readonly [string, string] {
  const parts: unknown = typeof merge === 'string' ? merge.split(' ') : merge;
  if (Array.isArray(parts) && parts.length === 2) {
    const [left, right] = parts as [unknown, unknown];
    if (typeof left === 'string' && typeof right === 'string') {
      if ([left, right, left + right].every((piece) => ids.has(piece))) return [left, right];
    }
  }
  throw new TokenizerDefinitionError(`Expected \`merges[${index}]\` to be two pieces that make a third.`);
}
