import type { CandidateSet, TextMatrix, Vocabulary } from '@tessera/composition';
import type { ClassifyCompositionResponse, ClassifyOptions, InlineVocabulary } from '@tessera/contracts';
import type { SharedOutputs } from '@tessera/inference';
import type { StageObserver } from '@tessera/runtime';
import type { CompositionImage } from '../encoders/composition-image.js';
import type { TrainingHooks, TrainingTask } from '../training/training.js';

export const compositionStages = ['decode', 'vision', 'text', 'scoring'] as const;
export type CompositionStage = (typeof compositionStages)[number];

/** The signal ends the work before its next batch; the promise then rejects with its reason. */
export interface CompositionContext extends StageObserver<CompositionStage> {
  /** What workers share of the images they have seen; nothing unless given. */
  readonly shared?: SharedOutputs | undefined;
}

export interface ClassifyOutcome extends Pick<
  ClassifyCompositionResponse,
  'results' | 'candidates' | 'calibration' | 'warnings'
> {
  /** Milliseconds spent in each stage. */
  readonly timingsMs: Readonly<Record<CompositionStage, number>>;
}

/** Names what images show as attributes and object, with one model bundle and any number of vocabularies. */
export interface CompositionModel {
  /**
   * Runs the encoders once on this image, so that the first request does not pay for it.
   *
   * @throws TesseraError `TSR_INFERENCE_FAILED` when a graph does not run
   */
  warmUp(image: CompositionImage): Promise<void>;
  /**
   * @throws TesseraError `TSR_VALIDATION` for candidates that are no compositions or that the vocabulary does not know,
   * `TSR_VOCABULARY_MISMATCH` for a vocabulary of another base, `TSR_VOCABULARY_INVALID` for one whose scores
   * overflow, an image error for bytes that do not decode (with `/images/<index>` among its fields), `TSR_INFERENCE_FAILED`
   */
  classify(
    images: readonly CompositionImage[],
    vocabulary: Vocabulary | InlineVocabulary,
    options: Omit<ClassifyOptions, 'model' | 'vocabulary'>,
    context?: CompositionContext,
  ): Promise<ClassifyOutcome>;
  /**
   * Embeddings of unit length, one an image, in their order.
   *
   * @throws TesseraError as {@link classify} does
   */
  embedImages(images: readonly CompositionImage[], context?: CompositionContext): Promise<Float32Array[]>;
  /**
   * Embeddings of unit length of the candidates' prompts. Asked again for the same, it gives what it remembers.
   *
   * @throws TesseraError `TSR_INFERENCE_FAILED`
   */
  embedCandidates(
    candidates: CandidateSet,
    vocabulary: Vocabulary | InlineVocabulary,
    context?: CompositionContext,
  ): Promise<TextMatrix>;
  /**
   * Learns soft prompts. The same task gives the same vocabulary, interrupted or not.
   *
   * @throws TesseraError `TSR_TRAINING_SET_INVALID` for examples that cannot be learnt from, an image error (with
   * `/examples/<index>/image` among its fields), `TSR_INFERENCE_FAILED`
   */
  trainVocabulary(task: TrainingTask, hooks?: TrainingHooks): Promise<Vocabulary>;
}
