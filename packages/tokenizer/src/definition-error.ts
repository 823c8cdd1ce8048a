/** A `tokenizer.json` that does not follow its type's definition; the message names what was expected. */
export class TokenizerDefinitionError extends Error {
  override readonly name = 'TokenizerDefinitionError';
}
