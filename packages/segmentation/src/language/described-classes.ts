import type { RegionReasonerSettings } from '@tessera/contracts';
import { clampedLogit, probability } from '@tessera/runtime';

/** Lower probabilities of the reader count as this one. */
const lowest = 1e-4;

/**
 * Of each class the probability that a description means it, `[classes]`: by the reader and by a sentence encoder, since
 * each knows descriptions that the other does not.
 *
 * @param read - of each class the reader's probability
 * @param similarities - of the sentence with each class, `[classes]`
 */
export function describedClasses(
  read: Float32Array,
  similarities: Float64Array,
  { description_calibration: calibration }: Pick<RegionReasonerSettings, 'description_calibration'>,
): Float32Array {
  const logits = read.map((own) => clampedLogit(own, lowest));
  const [highestLogit, highestSimilarity] = [Math.max(...logits), Math.max(...similarities)];
  return logits.map((own, index) =>
    probability(calibration, [own, highestLogit - own, highestSimilarity - (similarities[index] ?? -1)]),
  );
}
