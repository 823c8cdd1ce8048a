export { TokenizerDefinitionError } from './definition-error.js';
export { loadTokenizer, type TokenizerDefinition } from './load-tokenizer.js';
export type { Encoding, Tokenizer } from './tokenizer.js';
export type { UnigramDefinition } from './unigram-definition.js';
