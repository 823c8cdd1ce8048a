import type { LogisticCalibration } from '@tessera/contracts';

/** Probability of a logistic regression; as many features as it has weights. */
export function probability({ bias, weights }: LogisticCalibration, features: readonly number[]): number {
  const logit = weights.reduce((sum, weight, index) => sum + weight * (features[index] ?? 0), bias);
  return 1 / (1 + Math.exp(-logit));
}

/** Inverse of the logistic function, of a probability kept `1e-4` away from 0 and 1. */
export function logit(value: number): number {
  const clamped = Math.min(1 - 1e-4, Math.max(1e-4, value));
  return Math.log(clamped / (1 - clamped));
}
