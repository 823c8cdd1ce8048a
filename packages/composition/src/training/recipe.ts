import type { RequestedRecipe, TrainingMethod, TrainingRecipe } from '@tessera/contracts';

/** What a request leaves out. */
const defaults: Readonly<Record<TrainingMethod, TrainingRecipe>> = {
  csp: { epochs: 20, batch_size: 128, learning_rate: 5e-4, weight_decay: 1e-5, dropout: 0.2, seed: 0 },
  coop: { epochs: 20, batch_size: 128, learning_rate: 5e-4, weight_decay: 1e-5, dropout: 0, seed: 0 },
  // Only its seed has a meaning: it chooses the examples that are held out when none are for validation.
  clip: { epochs: 1, batch_size: 128, learning_rate: 5e-4, weight_decay: 0, dropout: 0, seed: 0 },
};

/** The recipe with the method's defaults for what was left out. */
export function completeRecipe(method: TrainingMethod, requested: RequestedRecipe = {}): TrainingRecipe {
  return { ...defaults[method], ...requested };
}
