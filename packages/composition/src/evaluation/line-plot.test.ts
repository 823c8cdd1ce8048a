import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { drawLinePlot, ticks, type PlotAxis } from './line-plot.js';

const axis: PlotAxis = { label: 'share', from: 0, to: 1, step: 0.25, format: String };

describe('ticks', () => {
  it('are round numbers within the range, both ends included', () => {
    assert.deepEqual(ticks({ from: 0, to: 1, step: 0.25 }), [0, 0.25, 0.5, 0.75, 1]);
    assert.deepEqual(ticks({ from: 0.15, to: 0.42, step: 0.1 }), [0.2, 0.3, 0.4]);
  });
});

describe('drawLinePlot', () => {
  const points = [
    [0, 0],
    [1, 1],
  ] as const;

  it('draws low values low and escapes texts', () => {
    const svg = drawLinePlot({
      title: 'a < b',
      x: axis,
      y: axis,
      series: [{ name: 'one & only', points, dots: points }],
    });
    const dots = [...svg.matchAll(/<circle[^>]* cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [
      Number(x),
      Number(y),
    ]);
    assert.deepEqual(dots, [
      [64, 456],
      [464, 56],
    ]);
    assert.match(svg, /a &lt; b/);
    assert.match(svg, /one &amp; only/);
    assert.doesNotMatch(svg, /class="area"/);
  });

  it('starts its axes where they start', () => {
    const from = { ...axis, from: 0.5, step: 0.5 };
    const svg = drawLinePlot({ title: '', x: from, y: from, series: [{ name: 'one', points: [[0.75, 0.75]] }] });
    assert.match(svg, /class="line"[^>]* d="M264 256"/);
    assert.equal(svg.match(/class="grid"/g)?.length, 4);
  });

  it('shades an area and draws the diagonal', () => {
    const series = [{ name: 'one', points, area: [...points, [1, 0]] as const }];
    const svg = drawLinePlot({ title: '', x: axis, y: axis, hasDiagonal: true, series });
    assert.match(svg, /class="area" fill="#2f81f7" d="M64 456L464 56L464 456Z"/);
    assert.match(svg, /stroke-dasharray="4 4" d="M64 456L464 56"/);
  });
});
