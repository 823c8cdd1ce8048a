import type { TrainingEpoch, TrainingMethod, TrainingRecipe, VocabularyMetrics } from '@tessera/contracts';
import type { Composition } from '../candidates/composition.js';

/** The learned token embeddings of a vocabulary. */
export interface LearnedPrompts {
  readonly rows: number;
  /** Width W of the text encoder's token embeddings. */
  readonly width: number;
  /** `[rows, W]`. `csp`: one row for each attribute, then for each object; `coop`: the context before the words. */
  readonly values: Float32Array;
}

/** Names, and the soft prompts that were trained for them with one base model. */
export interface Vocabulary {
  readonly name: string;
  /** Name of the model that it was trained for. */
  readonly model: string;
  readonly method: TrainingMethod;
  /** Sorted. */
  readonly attributes: readonly string[];
  /** Sorted. */
  readonly objects: readonly string[];
  /** The compositions that it was trained on. */
  readonly seenPairs: readonly Composition[];
  readonly logitScale: number;
  /** Whose token embeddings the prompts belong between; `sha256` is of its text encoder and token embedding. */
  readonly base: { readonly name: string; readonly sha256: string };
  /** There are none for method `clip`. */
  readonly learned: LearnedPrompts | undefined;
  readonly metrics?: VocabularyMetrics | undefined;
  readonly recipe?: TrainingRecipe | undefined;
  /** Epoch by epoch. */
  readonly history?: readonly TrainingEpoch[] | undefined;
}
