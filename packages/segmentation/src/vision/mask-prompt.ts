import type { Box } from './box.js';

/** A place in an image, in shares of its width and height. */
export interface PromptPoint {
  readonly x: number;
  readonly y: number;
  /** Whether it is on the object, or beside it. */
  readonly isOnObject: boolean;
}

/** The object of a mask, by its box, points, embeddings of another model, or several of these. */
export interface MaskPrompt {
  readonly box?: Box;
  readonly points?: readonly PromptPoint[];
  /** Tokens `[tokens, 256]`. */
  readonly embeddings?: Float32Array;
}
