import type { LogisticCalibration } from '@tessera/contracts';

/** Probability of a logistic regression; as many features as it has weights. */
export function probability({ bias, weights }: LogisticCalibration, features: readonly number[]): number {
  const logit = weights.reduce((sum, weight, index) => sum + weight * (features[index] ?? 0), bias);
  return 1 / (1 + Math.exp(-logit));
}
