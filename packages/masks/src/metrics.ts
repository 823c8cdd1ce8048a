import type { Overlap } from './overlap.js';

/** Keeps the quotient finite; part of the published metric. */
const epsilon = 1e-5;

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
