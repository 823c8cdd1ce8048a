import { gIoU, type Overlap } from '@tessera/masks';
import { SeededRandom } from '@tessera/runtime';
import { queryKinds, type QueryKind } from '../data/query-set.js';
import { mean } from './averages.js';

/** How well one query was answered. */
export interface Sample {
  readonly photo: number;
  readonly kind: QueryKind;
  readonly overlap: Overlap;
}

/** A figure with its 95 % confidence interval. */
export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** A figure of a set of samples that can be computed from sums over them. */
interface Metric {
  readonly parts: (sample: Sample) => readonly number[];
  readonly value: (sums: readonly number[]) => number;
}

const metrics = {
  /** LISA's gIoU. */
  gIoU: { parts: ({ overlap }) => [gIoU([overlap]), 1], value: ([sum = 0, count = 0]) => sum / count },
  /** LISA's cIoU. */
  cIoU: {
    parts: ({ overlap: { intersection, union } }) => [intersection, union],
    value: ([intersection = 0, union = 0]) => (union === 0 ? 0 : intersection / union),
  },
  /** The mean of the kinds' gIoU, in which each kind weighs the same. */
  meanOfKinds: {
    parts: ({ kind, overlap }) => queryKinds.flatMap((other) => (other === kind ? [gIoU([overlap]), 1] : [0, 0])),
    value: (sums) => {
      const kinds = queryKinds.flatMap((_, index) => {
        const count = sums[2 * index + 1] ?? 0;
        return count === 0 ? [] : [(sums[2 * index] ?? 0) / count];
      });
      return mean(kinds);
    },
  },
} as const satisfies Readonly<Record<string, Metric>>;
export type MetricName = keyof typeof metrics;

const resamples = 2000;
const seed = 20_421;

/**
 * Percentile bootstrap over photos, not queries: the queries about one photo share its detections, so they are not
 * independent. A query may come several times, as answered under several seeds.
 *
 * @throws RangeError if there is no sample.
 */
export function metricInterval(name: MetricName, samples: readonly Sample[]): Interval {
  const metric: Metric = metrics[name];
  const photos = [...sumsByPhoto(metric, samples).values()];
  return bootstrap(photos.length, (draw) => metric.value(total(draw, photos)));
}

/**
 * The difference of two models or methods on the same photos, `one` minus `other`, drawn in pairs.
 *
 * @throws RangeError if there is no sample or the two are not about the same photos.
 */
export function differenceInterval(name: MetricName, one: readonly Sample[], other: readonly Sample[]): Interval {
  const metric: Metric = metrics[name];
  const [first, second] = [sumsByPhoto(metric, one), sumsByPhoto(metric, other)];
  if ([...first.keys()].join() !== [...second.keys()].join()) {
    throw new RangeError('Pairs need the same photos on both sides.');
  }
  const [left, right] = [[...first.values()], [...second.values()]];
  return bootstrap(left.length, (draw) => metric.value(total(draw, left)) - metric.value(total(draw, right)));
}

type Sums = readonly number[];

function sumsByPhoto(metric: Metric, samples: readonly Sample[]): ReadonlyMap<number, Sums> {
  const photos = new Map<number, Sums>();
  for (const sample of samples.toSorted((a, b) => a.photo - b.photo)) {
    const parts = metric.parts(sample);
    const sums = photos.get(sample.photo);
    photos.set(sample.photo, sums === undefined ? parts : sums.map((sum, index) => sum + (parts[index] ?? 0)));
  }
  return photos;
}

function total(draw: readonly number[], photos: readonly Sums[]): Sums {
  const sums: number[] = [];
  for (const place of draw) {
    const parts = photos[place] ?? [];
    for (let index = 0; index < parts.length; index++) sums[index] = (sums[index] ?? 0) + (parts[index] ?? 0);
  }
  return sums;
}

function bootstrap(count: number, statistic: (draw: readonly number[]) => number): Interval {
  if (count === 0) throw new RangeError('An interval needs at least one sample.');
  const value = statistic([...new Array(count).keys()]);
  const values = Float64Array.from(drawsOf(count), statistic).sort();
  const quantile = (share: number): number => values[Math.round(share * (resamples - 1))] ?? value;
  return { value, low: quantile(0.025), high: quantile(0.975) };
}

const knownDraws = new Map<number, readonly (readonly number[])[]>();

/** Places of the photos in each resample, the same for all sets of as many photos. */
function drawsOf(count: number): readonly (readonly number[])[] {
  const known = knownDraws.get(count);
  if (known !== undefined) return known;
  const random = new SeededRandom(seed);
  const drawn = Array.from({ length: resamples }, () =>
    Array.from({ length: count }, () => Math.floor(random.next() * count)),
  );
  knownDraws.set(count, drawn);
  return drawn;
}
