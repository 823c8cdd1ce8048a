import type { Overlap } from './overlap.js';

/** Keeps the quotient finite; part of the published metric. */
const epsilon = 1e-5;
const epsilonOfSums = 1e-10;

/**
 * gIoU of a set of samples by LISA's definition: the mean of every sample's I / (U + 1e-5), where a sample with neither
 * target nor prediction counts 1. (arXiv 2308.00692, section 3.3; not the generalised IoU of boxes.)
 *
 * @throws RangeError if there is no sample.
 */
export function gIoU(samples: readonly Overlap[]): number {
  if (samples.length === 0) throw new RangeError('A metric needs at least one sample.');
  let sum = 0;
  for (const { intersection, union } of samples) {
    sum += union === 0 ? 1 : intersection / (union + epsilon);
  }
  return sum / samples.length;
}

/**
 * cIoU of a set of samples by LISA's definition: all intersections over all unions, so that large targets weigh more; 0
 * when no sample has a target or a prediction.
 *
 * @throws RangeError if there is no sample.
 */
export function cIoU(samples: readonly Overlap[]): number {
  if (samples.length === 0) throw new RangeError('A metric needs at least one sample.');
  const sum = (part: keyof Overlap): number => samples.reduce((total, sample) => total + sample[part], 0);
  return sum('intersection') / (sum('union') + epsilonOfSums);
}
