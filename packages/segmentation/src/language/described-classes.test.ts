import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describedClasses } from './described-classes.js';

/** Of a class's logit, how far it is below the highest one, and how far its similarity is below the highest one. */
const settings = { description_calibration: { bias: 0, weights: [0.25, -0.25, -10] } };

describe('describedClasses', () => {
  it('prefers the class that the reader and the similarity agree on', () => {
    const [one = 0, both = 0, other = 0] = describedClasses(
      Float32Array.of(0.3, 0.3, 0.01),
      Float64Array.of(0.1, 0.5, 0.5),
      settings,
    );
    assert.ok(both > one && both > other);
  });

  it('stays finite for probabilities of 0 and 1', () => {
    const weights = describedClasses(Float32Array.of(0, 1), Float64Array.of(0, 1), settings);
    assert.ok(weights.every((weight) => weight > 0 && weight < 1));
  });

  it('gives each class its own probability when nothing is certain', () => {
    const weights = describedClasses(Float32Array.of(0.01, 0.01), Float64Array.of(0.2, 0.2), settings);
    assert.equal(weights[0], weights[1]);
    assert.ok((weights[0] ?? 1) < 0.5);
  });
});
