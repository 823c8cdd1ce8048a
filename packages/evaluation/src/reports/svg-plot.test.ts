import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { barPlot, linePlot, ticks } from './svg-plot.js';

const axis = { label: 'share', from: 0, to: 1, step: 0.25, format: String };

describe('ticks', () => {
  it('are round numbers within the range, both ends included', () => {
    assert.deepEqual(ticks({ from: 0, to: 1, step: 0.25 }), [0, 0.25, 0.5, 0.75, 1]);
    assert.deepEqual(ticks({ from: 0.15, to: 0.42, step: 0.1 }), [0.2, 0.3, 0.4]);
  });
});

describe('linePlot', () => {
  it('draws low values low, and the band from the lower to the upper bound', () => {
    const points = [
      { x: 0, y: 0, low: 0, high: 0.5 },
      { x: 1, y: 1, low: 0.5, high: 1 },
    ];
    const svg = linePlot('a < b', axis, axis, [{ name: 'one & only', points, hasBand: true }]);
    const dots = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [Number(x), Number(y)]);
    assert.equal(dots.length, 2);
    const [first, second] = dots;
    assert.ok(first && second && (first[0] ?? 0) < (second[0] ?? 0) && (first[1] ?? 0) > (second[1] ?? 0));
    assert.match(svg, /fill-opacity/);
    assert.match(svg, /a &lt; b/);
    assert.match(svg, /one &amp; only/);
  });

  it('has no band where none is asked for', () => {
    const svg = linePlot('title', axis, axis, [{ name: 'one', points: [], hasBand: false }]);
    assert.doesNotMatch(svg, /fill-opacity/);
  });
});

describe('barPlot', () => {
  it('draws bars in proportion', () => {
    const svg = barPlot('title', [
      { name: 'long', value: 10, label: '10' },
      { name: 'short', value: 5, label: '5' },
    ]);
    const [long, short] = [...svg.matchAll(/<rect class="bar"[^>]* width="([\d.]+)"/g)].map(([, width]) =>
      Number(width),
    );
    assert.equal(long, 2 * (short ?? 0));
  });
});
