import type { ExampleSet, RequestedRecipe, TrainingEpoch, TrainingMethod } from '@tessera/contracts';
import type { CompositionImage } from '../encoders/composition-image.js';
import type { TrainingState } from './training-state.js';

/** An image and what it shows. */
export interface TrainingExample {
  readonly image: CompositionImage;
  readonly attributes: readonly string[];
  readonly object: string;
  /** `train` by default; without any `val` some of the examples are held out to choose the best epoch. */
  readonly set?: ExampleSet | undefined;
}

/** What a vocabulary is to be trained on, and how. */
export interface TrainingTask {
  /** Name of the vocabulary. */
  readonly name: string;
  readonly method: TrainingMethod;
  readonly examples: readonly TrainingExample[];
  /** Seed, epochs and so on; what is left out has the method's defaults. */
  readonly recipe?: RequestedRecipe | undefined;
}

/** Where a training is. */
export type TrainingProgress =
  | {
      readonly stage: 'features';
      /** Examples whose embedding is known. */
      readonly done: number;
      readonly total: number;
    }
  | ({ readonly stage: 'epoch' } & EpochProgress);

/** An epoch that has ended. */
export interface EpochProgress extends TrainingEpoch {
  /** Epochs in all, those after the choice of the best one included. */
  readonly epochs: number;
  /** Of a training without a validation set: whether it chooses the number of epochs, or learns from everything. */
  readonly phase?: TrainingState['phase'];
}

/** How a training is ended, reports its progress and keeps its checkpoints. */
export interface TrainingHooks {
  /** Ends the training before its next step; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: TrainingProgress) => void) | undefined;
  /** What an earlier attempt saved last. A checkpoint of another task or model is not used. */
  readonly loadCheckpoint?: (() => Promise<Uint8Array | undefined>) | undefined;
  /** Called once the features are there and after every epoch; awaited. */
  readonly saveCheckpoint?: ((checkpoint: Uint8Array) => Promise<void>) | undefined;
}
