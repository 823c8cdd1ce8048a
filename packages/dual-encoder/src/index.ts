export type { CompositionImage } from './encoders/composition-image.js';
export { isTrained } from './encoders/vocabulary-rows.js';
export type { CompositionModel } from './pipeline/composition-model.js';
export { createCompositionModel } from './pipeline/create-composition-model.js';
export type { TrainingExample, TrainingProgress } from './training/training.js';
