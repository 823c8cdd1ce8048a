/** A told probability and whether it came true. */
export interface Told {
  readonly probability: number;
  readonly isTrue: boolean;
  /** How much it counts. */
  readonly weight: number;
}

export interface ReliabilityBin {
  /** Means within the bin. */
  readonly told: number;
  readonly observed: number;
  /** Share of all weight. */
  readonly share: number;
  readonly count: number;
}

const bins = 10;

/** Told probabilities in ten bins of equal width; bins without any are left out. */
export function reliability(all: readonly Told[]): ReliabilityBin[] {
  const totalWeight = sumOf(all, ({ weight }) => weight);
  return Array.from({ length: bins }, (_, index) =>
    all.filter(({ probability }) => Math.min(bins - 1, Math.floor(probability * bins)) === index),
  ).flatMap((bin) => {
    const weight = sumOf(bin, (told) => told.weight);
    if (weight === 0) return [];
    return [
      {
        told: sumOf(bin, (told) => told.weight * told.probability) / weight,
        observed: sumOf(bin, (told) => (told.isTrue ? told.weight : 0)) / weight,
        share: weight / totalWeight,
        count: bin.length,
      },
    ];
  });
}

/** Expected calibration error: the mean distance of what was told from what came true, over the bins by their share. */
export function expectedCalibrationError(all: readonly Told[]): number {
  return sumOf(reliability(all), ({ told, observed, share }) => share * Math.abs(told - observed));
}

/** The same probabilities, weighing as much in sum as there are, of which those that came true weigh `trueShare`. */
export function withTrueShare(all: readonly Omit<Told, 'weight'>[], trueShare: number): Told[] {
  const trueCount = all.filter(({ isTrue }) => isTrue).length;
  const weightOf = (isTrue: boolean): number =>
    (all.length * (isTrue ? trueShare : 1 - trueShare)) / (isTrue ? trueCount : all.length - trueCount);
  return all.map((told) => ({ ...told, weight: weightOf(told.isTrue) }));
}

function sumOf<Element>(elements: readonly Element[], value: (element: Element) => number): number {
  return elements.reduce((sum, element) => sum + value(element), 0);
}
