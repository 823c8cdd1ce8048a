import type { LogisticCalibration } from '@tessera/contracts';

/** Inverse of the logistic function; of a probability that is neither 0 nor 1. */
export function logit(probability: number): number {
  return Math.log(probability / (1 - probability));
}

/** The logit of a probability that is kept this far from 0 and 1. */
export function clampedLogit(value: number, distance: number): number {
  return logit(Math.min(1 - distance, Math.max(distance, value)));
}

/** Probability of a logistic regression; as many features as it has weights. */
export function probability({ bias, weights }: LogisticCalibration, features: readonly number[]): number {
  const logOdds = weights.reduce((sum, weight, index) => sum + weight * (features[index] ?? 0), bias);
  return 1 / (1 + Math.exp(-logOdds));
}
