import { cIoU, gIoU, type Overlap } from '@tessera/masks';
import { SeededRandom } from './seeded-random.js';

/** How well one query was answered. */
export interface Sample {
  readonly photo: number;
  readonly overlap: Overlap;
}

/** A figure with its 95 % confidence interval. */
export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export const metrics = { gIoU, cIoU } as const;
export type MetricName = keyof typeof metrics;

const resamples = 2000;
const seed = 20_421;

/**
 * Percentile bootstrap over photos, not queries: the queries about one photo share its detections, so they are not
 * independent. Queries may come several times, as answered under several seeds.
 *
 * @throws RangeError if there is no sample.
 */
export function metricInterval(metric: MetricName, samples: readonly Sample[]): Interval {
  const photos = photosOf(samples);
  const overlaps = byPhoto(samples);
  return bootstrap(photos, (draw) => metricOf(metric, draw, overlaps));
}

/**
 * The difference of two models or methods on the same photos, `one` minus `other`, drawn in pairs.
 *
 * @throws RangeError if there is no sample or the two are not about the same photos.
 */
export function differenceInterval(metric: MetricName, one: readonly Sample[], other: readonly Sample[]): Interval {
  const photos = photosOf(one);
  if (photos.join() !== photosOf(other).join()) throw new RangeError('Pairs need the same photos on both sides.');
  const [first, second] = [byPhoto(one), byPhoto(other)];
  return bootstrap(photos, (draw) => metricOf(metric, draw, first) - metricOf(metric, draw, second));
}

function photosOf(samples: readonly Sample[]): number[] {
  return [...new Set(samples.map(({ photo }) => photo))].sort((a, b) => a - b);
}

function byPhoto(samples: readonly Sample[]): ReadonlyMap<number, readonly Overlap[]> {
  const groups = new Map<number, Overlap[]>();
  for (const { photo, overlap } of samples) {
    const group = groups.get(photo) ?? [];
    group.push(overlap);
    groups.set(photo, group);
  }
  return groups;
}

function metricOf(
  metric: MetricName,
  photos: readonly number[],
  overlaps: ReadonlyMap<number, readonly Overlap[]>,
): number {
  return metrics[metric](photos.flatMap((photo) => overlaps.get(photo) ?? []));
}

function bootstrap(photos: readonly number[], statistic: (draw: readonly number[]) => number): Interval {
  const value = statistic(photos);
  const random = new SeededRandom(seed);
  const values = Float64Array.from({ length: resamples }, () =>
    statistic(photos.map(() => random.pick(photos))),
  ).sort();
  const quantile = (share: number): number => values[Math.round(share * (resamples - 1))] ?? value;
  return { value, low: quantile(0.025), high: quantile(0.975) };
}
