import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatFigure } from './formats.js';

describe('formatFigure', () => {
  it('writes signs of differences, spreads and what is missing', () => {
    assert.equal(formatFigure([0.0104, -0.2, 0.3], 'change'), '+0.010 [−0.200, +0.300]');
    assert.equal(formatFigure([-0.0104, -0.2, 0.3], 'points'), '−1.0 [−20.0, +30.0]');
    assert.equal(formatFigure([73.81, 0.24], 'spread'), '73.8 ± 0.2');
    assert.equal(formatFigure([43.1], 'spread'), '43.1');
    assert.equal(formatFigure(12_400, 'milliseconds'), '12 s');
    assert.equal(formatFigure(null, 'percent'), '–');
  });
});
