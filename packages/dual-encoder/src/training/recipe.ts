import type { RequestedRecipe, TrainingMethod, TrainingRecipe } from '@tessera/contracts';

/** What a request leaves out. */
const defaults: Readonly<Record<TrainingMethod, TrainingRecipe>> = {
  csp: { epochs: 20, batch_size: 128, learning_rate: 5e-4, weight_decay: 1e-5, dropout: 0.2, seed: 0 },
  coop: { epochs: 20, batch_size: 128, learning_rate: 5e-4, weight_decay: 1e-5, dropout: 0, seed: 0 },
  // Only its seed has a meaning: it chooses the examples that are held out when none are for validation.
  clip: { epochs: 1, batch_size: 128, learning_rate: 5e-4, weight_decay: 0, dropout: 0, seed: 0 },
};

/** Fewer steps leave the rows of a small set half learnt: Adam moves a value by about the learning rate a step. */
const stepsMin = 500;
const epochsMax = 500;

/**
 * The recipe with the method's defaults for what was left out. A small set is shown more often by default, so that the
 * training has some five hundred steps.
 *
 * @param exampleCount - examples that are learnt from
 */
export function completeRecipe(
  method: TrainingMethod,
  requested: RequestedRecipe,
  exampleCount: number,
): TrainingRecipe {
  const recipe = { ...defaults[method], ...requested };
  if (method === 'clip' || requested.epochs !== undefined) return recipe;
  const stepsPerEpoch = Math.ceil(exampleCount / recipe.batch_size);
  return { ...recipe, epochs: Math.min(epochsMax, Math.max(recipe.epochs, Math.ceil(stepsMin / stepsPerEpoch))) };
}
