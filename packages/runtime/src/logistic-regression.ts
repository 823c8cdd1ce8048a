import type { LogisticCalibration } from '@tessera/contracts';
import { roundTo } from './round-to.js';

export interface WeightedSample {
  readonly features: readonly number[];
  readonly label: 0 | 1;
  readonly weight: number;
}

const ridge = 1e-3;
const newtonSteps = 30;

/** Maximum-likelihood logistic regression by Newton's method with a small ridge penalty on the weights. */
export function fitLogistic(samples: readonly WeightedSample[]): LogisticCalibration {
  const size = (samples[0]?.features.length ?? 0) + 1;
  const parameters = new Array<number>(size).fill(0);
  const totalWeight = samples.reduce((sum, { weight }) => sum + weight, 0);
  for (let step = 0; step < newtonSteps; step++) {
    const gradient: number[] = parameters.map((value, index) => (index === 0 ? 0 : ridge * value));
    const hessian: number[][] = parameters.map((_, row) =>
      parameters.map((__, column) => (row === column ? ridge : 0)),
    );
    for (const { features, label, weight } of samples) {
      const inputs = [1, ...features];
      const logit = inputs.reduce((sum, input, index) => sum + input * (parameters[index] ?? 0), 0);
      const predicted = 1 / (1 + Math.exp(-logit));
      const share = weight / totalWeight;
      for (const [row, input] of inputs.entries()) {
        gradient[row] = (gradient[row] ?? 0) + share * (predicted - label) * input;
        const hessianRow = hessian[row] ?? [];
        for (const [column, other] of inputs.entries()) {
          hessianRow[column] = (hessianRow[column] ?? 0) + share * predicted * (1 - predicted) * input * other;
        }
      }
    }
    for (const [index, change] of solve(hessian, gradient).entries()) {
      parameters[index] = (parameters[index] ?? 0) - change;
    }
  }
  const [bias = 0, ...weights] = parameters;
  return { bias, weights };
}

/** A calibration with the three decimal places that the bundle keeps. */
export function roundedCalibration({ bias, weights }: LogisticCalibration): LogisticCalibration {
  return { bias: roundTo(bias, 3), weights: weights.map((weight) => roundTo(weight, 3)) };
}

/** Solves a symmetric positive definite system by Gaussian elimination. */
function solve(matrix: readonly (readonly number[])[], vector: readonly number[]): number[] {
  const rows = matrix.map((row, index) => [...row, vector[index] ?? 0]);
  for (const [pivot, pivotRow] of rows.entries()) {
    for (const [index, row] of rows.entries()) {
      if (index === pivot) continue;
      const factor = (row[pivot] ?? 0) / (pivotRow[pivot] ?? 1);
      for (let column = pivot; column < row.length; column++) {
        row[column] = (row[column] ?? 0) - factor * (pivotRow[column] ?? 0);
      }
    }
  }
  return rows.map((row, index) => (row.at(-1) ?? 0) / (row[index] ?? 1));
}
