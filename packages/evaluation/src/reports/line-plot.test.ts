import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { drawLinePlot, ticks, type PlotAxis } from './line-plot.js';

const axis: PlotAxis = { label: 'share', from: 0, to: 1, step: 0.25, format: 'two' };

describe('ticks', () => {
  it('are round numbers within the range, both ends included', () => {
    assert.deepEqual(ticks({ from: 0, to: 1, step: 0.25 }), [0, 0.25, 0.5, 0.75, 1]);
    assert.deepEqual(ticks({ from: 0.15, to: 0.42, step: 0.1 }), [0.2, 0.3, 0.4]);
  });
});

describe('drawLinePlot', () => {
  it('draws low values low, and the band from the lower to the upper bound', () => {
    const points = [
      [0, 0, 0, 0.5],
      [1, 1, 0.5, 1],
    ] as const;
    const series = [{ name: 'one & only', points, hasBand: true }];
    const svg = drawLinePlot({ title: 'a < b', x: axis, y: axis, series });
    const dots = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [Number(x), Number(y)]);
    assert.equal(dots.length, 2);
    const [first, second] = dots;
    assert.ok(first && second && (first[0] ?? 0) < (second[0] ?? 0) && (first[1] ?? 0) > (second[1] ?? 0));
    assert.match(svg, /fill-opacity/);
    assert.match(svg, /a &lt; b/);
    assert.match(svg, /one &amp; only/);
  });

  it('has no band without `hasBand`', () => {
    const series = [{ name: 'one', points: [], hasBand: false }];
    const svg = drawLinePlot({ title: 'title', x: axis, y: axis, series });
    assert.doesNotMatch(svg, /fill-opacity/);
  });
});
