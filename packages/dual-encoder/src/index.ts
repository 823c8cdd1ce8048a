export type { CompositionImage } from './encoders/composition-image.js';
export { createCompositionModel, type CompositionModelOptions } from './pipeline/create-composition-model.js';
export type {
  ClassifyOutcome,
  CompositionContext,
  CompositionModel,
  CompositionStage,
} from './pipeline/composition-model.js';
export type { TrainingExample, TrainingHooks, TrainingProgress, TrainingTask } from './training/training.js';
