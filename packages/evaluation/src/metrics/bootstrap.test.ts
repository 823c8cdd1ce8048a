import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SeededRandom } from '@tessera/runtime';
import { differenceInterval, metricInterval, type Sample } from './bootstrap.js';

const random = new SeededRandom(5);
const samples: Sample[] = Array.from({ length: 120 }, (_, index) => ({
  photo: index % 30,
  kind: index % 3 === 0 ? 'class' : 'relation',
  overlap: { intersection: Math.round(100 * random.next()), union: 100 },
}));
const worse = samples.map((sample) => ({
  ...sample,
  overlap: { ...sample.overlap, intersection: Math.max(0, sample.overlap.intersection - 5) },
}));

describe('metricInterval', () => {
  it('holds the figure, is the same on every call and about four standard errors wide', () => {
    const interval = metricInterval('gIoU', samples);
    assert.deepEqual(metricInterval('gIoU', samples), interval);
    assert.ok(interval.low < interval.value && interval.value < interval.high);
    const means = Array.from({ length: 30 }, (_, photo) => {
      const own = samples.filter((sample) => sample.photo === photo);
      return own.reduce((sum, { overlap }) => sum + overlap.intersection / 100, 0) / own.length;
    });
    const variance = means.reduce((sum, value) => sum + (value - interval.value) ** 2, 0) / (means.length - 1);
    const standardError = Math.sqrt(variance / means.length);
    assert.ok(Math.abs((interval.high - interval.low) / standardError - 3.92) < 0.5);
  });

  it('takes photos as the unit: copies of a photo’s queries do not make it surer', () => {
    const repeated = metricInterval('gIoU', [...samples, ...samples, ...samples]);
    assert.ok(Math.abs(repeated.low - metricInterval('gIoU', samples).low) < 1e-9);
  });

  it('lets every kind weigh the same in the mean of kinds', () => {
    const one = { photo: 1, kind: 'class', overlap: { intersection: 0, union: 9 } } as const;
    const other = { photo: 1, kind: 'absent', overlap: { intersection: 0, union: 0 } } as const;
    assert.equal(metricInterval('meanOfKinds', [one, one, one, other]).value, 0.5);
    assert.equal(metricInterval('gIoU', [one, one, one, other]).value, 0.25);
  });

  it('refuses no samples', () => {
    assert.throws(() => metricInterval('cIoU', []), RangeError);
  });
});

describe('differenceInterval', () => {
  it('is narrower than either figure, as the photos’ own difficulty cancels out', () => {
    for (const metric of ['gIoU', 'cIoU'] as const) {
      const { value, low, high } = differenceInterval(metric, worse, samples);
      const own = metricInterval(metric, samples);
      assert.ok(value < 0 && high < 0);
      assert.ok(high - low < (own.high - own.low) / 5);
    }
  });

  it('refuses other photos', () => {
    assert.throws(() => differenceInterval('gIoU', samples, samples.slice(0, 5)), RangeError);
  });
});
