import { TokenizerDefinitionError } from './definition-error.js';

/** A `tokenizer.json` of type `unigram`. Field names are part of the bundle format. */
export interface UnigramDefinition {
  readonly type: 'unigram';
  /**
   * Vocabulary in id order: the piece as it appears in normalised text, and its log probability. A symbol that begins a
   * piece is a piece of its own, so that every text can be cut.
   */
  readonly pieces: readonly (readonly [piece: string, score: number])[];
  /** Id of text that the vocabulary does not cover. */
  readonly unknown_id: number;
  /** Number of leading control pieces, which never match text. */
  readonly reserved: number;
}

/** Checks the fields of a definition; throws {@link TokenizerDefinitionError}. */
export function parseUnigramDefinition(json: object): UnigramDefinition {
  const { pieces, unknown_id, reserved } = json as Partial<Record<keyof UnigramDefinition, unknown>>;
  if (!Array.isArray(pieces)) throw new TokenizerDefinitionError('Expected `pieces` to be an array.');
  const checkedPieces = pieces.map(checkPiece);
  if (!isIntegerBelow(unknown_id, pieces.length)) {
    throw new TokenizerDefinitionError('Expected `unknown_id` to be the index of a piece.');
  }
  if (!isIntegerBelow(reserved, pieces.length + 1)) {
    throw new TokenizerDefinitionError('Expected `reserved` to be a number of leading pieces.');
  }
  checkSymbols(checkedPieces.slice(reserved).map(([piece]) => piece));
  return { type: 'unigram', pieces: checkedPieces, unknown_id, reserved };
}

function checkPiece(entry: unknown, index: number): readonly [string, number] {
  if (Array.isArray(entry) && entry.length === 2) {
    const [piece, score] = entry as [unknown, unknown];
    if (typeof piece === 'string' && piece !== '' && Number.isFinite(score)) return [piece, score as number];
  }
  throw new TokenizerDefinitionError(`Expected \`pieces[${index}]\` to be [text, score].`);
}

function checkSymbols(pieces: readonly string[]): void {
  const known = new Set(pieces);
  for (const piece of known) {
    const [symbol = ''] = piece;
    if (!known.has(symbol)) throw new TokenizerDefinitionError(`Expected a piece "${symbol}" beside "${piece}".`);
  }
}

function isIntegerBelow(value: unknown, limit: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < limit;
}
