import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  areaUnderRoc,
  brierScore,
  expectedCalibrationError,
  reliability,
  withTrueShare,
  type Prediction,
} from './reliability.js';

function repeat(count: number, prediction: Prediction): Prediction[] {
  return Array.from({ length: count }, () => prediction);
}

describe('reliability', () => {
  it('sees that a predicted 0.25 came true in a quarter of the cases', () => {
    const all = [
      ...repeat(1, { probability: 0.25, isTrue: true, weight: 1 }),
      ...repeat(3, { probability: 0.25, isTrue: false, weight: 1 }),
    ];
    assert.deepEqual(reliability(all), [{ predicted: 0.25, observed: 0.25, share: 1 }]);
    assert.equal(expectedCalibrationError(all), 0);
  });

  it('weighs the error of each bin by its share', () => {
    const all = [
      ...repeat(3, { probability: 1, isTrue: true, weight: 1 }),
      ...repeat(1, { probability: 0.05, isTrue: true, weight: 1 }),
    ];
    assert.ok(Math.abs(expectedCalibrationError(all) - 0.95 / 4) < 1e-12);
  });
});

describe('brierScore', () => {
  it('is the weighted mean of squared errors', () => {
    const all = [
      { probability: 0.8, isTrue: true, weight: 3 },
      { probability: 0.5, isTrue: false, weight: 1 },
    ];
    assert.ok(Math.abs(brierScore(all) - (3 * 0.04 + 0.25) / 4) < 1e-12);
  });
});

describe('areaUnderRoc', () => {
  it('counts ordered pairs by their weights, and ties as half', () => {
    const all = [
      { probability: 0.9, isTrue: true, weight: 1 },
      { probability: 0.5, isTrue: true, weight: 2 },
      { probability: 0.5, isTrue: false, weight: 1 },
      { probability: 0.7, isTrue: false, weight: 1 },
    ];
    // Of six weighted pairs: two of the first right one, half of two of the second one.
    assert.ok(Math.abs(areaUnderRoc(all) - 3 / 6) < 1e-12);
    assert.equal(
      areaUnderRoc(
        all
          .filter(({ probability }) => probability !== 0.7 && probability !== 0.5)
          .concat({ probability: 0.1, isTrue: false, weight: 9 }),
      ),
      1,
    );
  });
});

describe('withTrueShare', () => {
  it('gives what came true its share of the weight, however rare it is', () => {
    const predictions = [
      { probability: 0.5, isTrue: true },
      { probability: 0.5, isTrue: false },
      { probability: 0.5, isTrue: false },
    ];
    for (const share of [0.5, 0.9]) {
      const [bin] = reliability(withTrueShare(predictions, share));
      assert.ok(Math.abs((bin?.observed ?? 0) - share) < 1e-12);
    }
  });
});
