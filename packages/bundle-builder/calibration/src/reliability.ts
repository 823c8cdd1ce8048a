/** A predicted probability and whether it came true. */
export interface Prediction {
  readonly probability: number;
  readonly isTrue: boolean;
  /** How much it counts. */
  readonly weight: number;
}

export interface ReliabilityBin {
  /** Means within the bin. */
  readonly predicted: number;
  readonly observed: number;
  /** Share of all weight. */
  readonly share: number;
}

const bins = 10;

/** Probabilities in ten bins of equal width; bins without any are left out. */
export function reliability(all: readonly Prediction[]): ReliabilityBin[] {
  const totalWeight = sumOf(all, ({ weight }) => weight);
  return Array.from({ length: bins }, (_, index) =>
    all.filter(({ probability }) => Math.min(bins - 1, Math.floor(probability * bins)) === index),
  ).flatMap((bin) => {
    const weight = sumOf(bin, (prediction) => prediction.weight);
    if (weight === 0) return [];
    return [
      {
        predicted: sumOf(bin, ({ weight: own, probability }) => own * probability) / weight,
        observed: sumOf(bin, (prediction) => (prediction.isTrue ? prediction.weight : 0)) / weight,
        share: weight / totalWeight,
      },
    ];
  });
}

/** Expected calibration error: the mean distance of the predicted from the observed share, over the bins by their share. */
export function expectedCalibrationError(all: readonly Prediction[]): number {
  return sumOf(reliability(all), ({ predicted, observed, share }) => share * Math.abs(predicted - observed));
}

/** The mean squared difference of the probabilities from 1 where they came true and 0 elsewhere. */
export function brierScore(all: readonly Prediction[]): number {
  const totalWeight = sumOf(all, ({ weight }) => weight);
  return sumOf(all, ({ weight, probability, isTrue }) => weight * (probability - Number(isTrue)) ** 2) / totalWeight;
}

/**
 * Area under the receiver operating characteristic: how probable it is that one that came true has a higher probability
 * than one that did not, where equal ones count half.
 */
export function areaUnderRoc(all: readonly Prediction[]): number {
  const groups = new Map<number, { right: number; wrong: number }>();
  for (const { probability, isTrue, weight } of all) {
    const group = groups.get(probability) ?? { right: 0, wrong: 0 };
    groups.set(probability, group);
    group[isTrue ? 'right' : 'wrong'] += weight;
  }
  let [area, right, wrong] = [0, 0, 0];
  for (const [, group] of [...groups].sort(([one], [other]) => one - other)) {
    area += group.right * (wrong + group.wrong / 2);
    right += group.right;
    wrong += group.wrong;
  }
  return area / (right * wrong);
}

/** The same probabilities, weighing as much in sum as there are, of which those that came true weigh `trueShare`. */
export function withTrueShare(all: readonly Omit<Prediction, 'weight'>[], trueShare: number): Prediction[] {
  const trueCount = all.filter(({ isTrue }) => isTrue).length;
  const weightOf = (isTrue: boolean): number =>
    (all.length * (isTrue ? trueShare : 1 - trueShare)) / (isTrue ? trueCount : all.length - trueCount);
  return all.map((prediction) => ({ ...prediction, weight: weightOf(prediction.isTrue) }));
}

function sumOf<Element>(elements: readonly Element[], value: (element: Element) => number): number {
  return elements.reduce((sum, element) => sum + value(element), 0);
}
