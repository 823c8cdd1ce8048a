export { loadTokenizer, type TokenizerDefinition } from './load-tokenizer.js';
export type { Tokenizer } from './tokenizer.js';
export type { UnigramDefinition } from './unigram-definition.js';
