export { TokenizerDefinitionError } from './definition.js';
export type { TokenizerDefinition } from './definition.js';
export { loadTokenizer } from './tokenizer.js';
export type { Encoding, Tokenizer } from './tokenizer.js';
