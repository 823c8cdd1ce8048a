import assert from 'node:assert/strict';
import { it } from 'node:test';
import { colourCount, colourLevels, colourNames, colourTable, type ColourName } from './colour-names.js';

type Rgb = readonly [red: number, green: number, blue: number];

function fitsOf(rgb: Rgb): Map<ColourName, number> {
  const levels = rgb.map((channel) => Math.floor((channel * colourLevels) / 256));
  const start = levels.reduce((index, level) => index * colourLevels + level, 0) * colourCount;
  return new Map(colourNames.map((name, index) => [name, colourTable()[start + index] ?? 0]));
}

const named: readonly [ColourName, ...Rgb[]][] = [
  ['black', [0, 0, 0], [28, 28, 32]],
  ['white', [255, 255, 255], [235, 232, 228]],
  ['grey', [110, 110, 110]],
  ['red', [255, 0, 0], [178, 34, 34], [220, 20, 60]],
  ['orange', [255, 140, 0]],
  ['yellow', [255, 255, 0], [255, 215, 0]],
  ['green', [0, 128, 0], [0, 255, 0], [46, 139, 87]],
  ['blue', [0, 0, 255], [30, 144, 255], [70, 130, 180]],
  ['purple', [128, 0, 128], [138, 43, 226]],
  ['pink', [255, 192, 203], [255, 105, 180]],
  ['brown', [139, 69, 19], [101, 67, 33]],
];

for (const [name, ...examples] of named) {
  it(`${name} is the name that fits ${examples.map((rgb) => `rgb(${rgb.join(' ')})`).join(', ')} best`, () => {
    for (const rgb of examples) {
      const basic = [...fitsOf(rgb)].filter(([own]) => own !== 'dark' && own !== 'light');
      const [best] = basic.sort((a, b) => b[1] - a[1]);
      assert.equal(best?.[0], name, `rgb(${rgb.join(' ')})`);
    }
  });
}

it('a navy blue is dark, a sky blue is light', () => {
  const [navy, sky] = [fitsOf([0, 0, 110]), fitsOf([135, 206, 235])];
  assert.ok((navy.get('dark') ?? 0) > 200 && (navy.get('light') ?? 0) < 50);
  assert.ok((sky.get('light') ?? 0) > 200 && (sky.get('dark') ?? 0) < 50);
});

it('the basic terms of each colour sum to one', () => {
  const names = colourTable();
  for (let start = 0; start < names.length; start += colourCount) {
    const sum = names.subarray(start, start + colourCount - 2).reduce((total, fit) => total + fit, 0);
    assert.ok(Math.abs(sum - 255) <= 6, String(sum));
  }
});
