import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PixelImage } from '@tessera/images/decoding';
import { colourNames, type ColourName } from './colour-names.js';
import { colourProbability } from './colour-probability.js';
import { ImageColours } from './colours.js';

type Rgb = readonly [red: number, green: number, blue: number];

const size = 512;
const [white, black, red, green, blue]: readonly Rgb[] = [
  [255, 255, 255],
  [5, 5, 5],
  [200, 20, 20],
  [20, 140, 40],
  [30, 70, 220],
];

/** A square picture; places in shares of its sides. */
function draw(colourAt: (x: number, y: number) => Rgb | undefined): PixelImage {
  const data = new Uint8Array(3 * size * size);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) data.set(colourAt(x / size, y / size) ?? [0, 0, 0], 3 * (y * size + x));
  }
  return { width: size, height: size, data };
}

function shareOf(shares: Float32Array, name: ColourName): number {
  return shares[colourNames.indexOf(name)] ?? 0;
}

describe('ImageColours', () => {
  it('tells the shirt of a standing person from the trousers and the background', () => {
    const person = draw((x, y) => {
      if (x < 0.4 || x > 0.6 || y < 0.1 || y > 0.9) return white;
      return y < 0.5 ? red : blue;
    });
    const shares = new ImageColours(person).shares([0.4, 0.1, 0.6, 0.9]);
    assert.ok(shareOf(shares.upper, 'red') > 0.85);
    assert.ok(shareOf(shares.lower, 'blue') > 0.8);
    assert.ok(shareOf(shares.whole, 'red') > 0.4 && shareOf(shares.whole, 'blue') > 0.4);
    assert.ok(shareOf(shares.whole, 'white') < 0.05);
  });

  it('looks for the shirt lower in a box that is not tall, by the aspect of the photo', () => {
    const bust = draw((_, y) => (y < 0.4 ? black : green));
    const tall = new ImageColours(bust).shares([0, 0, 1, 1]).upper;
    const stretched = new ImageColours(bust, 0.5).shares([0, 0, 1, 1]).upper;
    assert.ok(shareOf(tall, 'green') > 0.7 && shareOf(stretched, 'green') < 0.4);
  });

  it('takes the colours of the ring around a box off those inside', () => {
    const object = draw((x, y) => ((Math.floor(32 * x) + Math.floor(32 * y)) % 2 === 0 ? red : green));
    const onGreen = draw((x, y) => {
      const isInside = x > 0.25 && x < 0.75 && y > 0.25 && y < 0.75;
      return isInside ? ((Math.floor(32 * x) + Math.floor(32 * y)) % 2 === 0 ? red : green) : green;
    });
    const box = [0.25, 0.25, 0.75, 0.75] as const;
    const [alone, lessened] = [object, onGreen].map((image) => new ImageColours(image).shares(box).whole);
    assert.ok(alone && lessened);
    assert.ok(shareOf(alone, 'green') > 0.4);
    assert.ok(shareOf(lessened, 'green') < shareOf(alone, 'green') - 0.1);
  });

  it('names the colours of a dark photo as if it was well exposed', () => {
    const dim = draw((x): Rgb => (x < 0.5 ? [110, 110, 110] : [60, 8, 8]));
    const colours = new ImageColours(dim);
    assert.ok(shareOf(colours.shares([0.55, 0, 1, 1]).whole, 'red') > 0.8);
    assert.ok(shareOf(colours.shares([0, 0, 0.45, 1]).whole, 'white') > 0.5);
  });

  it('has basic terms that sum to one for any box, also an empty one or one past the edges', () => {
    const colours = new ImageColours(draw((x, y): Rgb => [255 * x, 255 * y, 128]));
    for (const box of [
      [0, 0, 1, 1],
      [0.5, 0.5, 0.5, 0.5],
      [-0.2, 0.9, 0.1, 1.3],
      [1, 1, 1, 1],
    ] as const) {
      for (const shares of Object.values(colours.shares(box))) {
        const sum = shares.subarray(0, 11).reduce((total, share) => total + share, 0);
        assert.ok(Math.abs(sum - 1) < 1e-5, String(sum));
      }
    }
  });
});

describe('colourProbability', () => {
  const shares = new ImageColours(draw((x) => (x < 0.5 ? black : white))).shares([0, 0, 1, 1]);

  it('is high for each colour of an object, and for them together', () => {
    assert.ok(colourProbability(shares, [{ place: 'whole', colour: 'black' }]) > 0.8);
    const both = colourProbability(shares, [
      { place: 'whole', colour: 'black' },
      { place: 'whole', colour: 'white' },
    ]);
    assert.ok(both > 0.7 && both < 1);
  });

  it('is low when one of the colours is missing', () => {
    const wanted = [
      { place: 'whole', colour: 'black' },
      { place: 'whole', colour: 'red' },
    ] as const;
    assert.ok(colourProbability(shares, wanted) < 0.1);
  });

  it('is 1 for no colours', () => {
    assert.equal(colourProbability(shares, []), 1);
  });
});
