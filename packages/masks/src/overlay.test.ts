import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { maskOf } from './mask-arbitraries.js';
import { paintOverlay, type Picture } from './overlay.js';

const grey = (width: number, height: number): Picture => ({
  width,
  height,
  data: new Uint8Array(width * height * 3).fill(100),
});

/** A character per pixel: outline, inside, or untouched. */
function rowsOf({ width, height, data }: Picture): string[] {
  const characters = new Map([
    ['200,0,100', 'O'],
    ['150,50,100', 'i'],
    ['100,100,100', '.'],
  ]);
  return Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_unused, x) => {
      const pixel = 3 * (y * width + x);
      return characters.get(Array.from(data.subarray(pixel, pixel + 3)).join(',')) ?? '?';
    }).join(''),
  );
}

const style = { colour: [200, 0, 100], opacity: 0.5, outlinePixels: 1 } as const;

describe('an overlay', () => {
  it('colours the mask and its outline, and nothing else', () => {
    const picture = grey(6, 5);
    paintOverlay(picture, maskOf('......', '.####.', '.####.', '.####.', '......'), style);
    assert.deepEqual(rowsOf(picture), ['......', '.OOOO.', '.OiiO.', '.OOOO.', '......']);
  });

  it('has no outline along the border of the picture', () => {
    const picture = grey(4, 3);
    paintOverlay(picture, maskOf('###.', '###.', '###.'), style);
    assert.deepEqual(rowsOf(picture), ['iiO.', 'iiO.', 'iiO.']);
  });

  it('has an outline as wide as asked for, round holes too', () => {
    const picture = grey(7, 7);
    paintOverlay(picture, maskOf(...Array.from({ length: 7 }, (_, y) => (y === 3 ? '###.###' : '#######'))), {
      ...style,
      outlinePixels: 2,
    });
    assert.deepEqual(rowsOf(picture), ['iiiiiii', 'iiiOiii', 'iiiOiii', 'iOO.OOi', 'iiiOiii', 'iiiOiii', 'iiiiiii']);
  });

  it('stretches the mask over smaller and larger pictures', () => {
    const mask = maskOf('##..', '##..', '....', '....');
    const [small, large] = [grey(2, 2), grey(8, 8)];
    for (const picture of [small, large]) paintOverlay(picture, mask, { ...style, outlinePixels: 0 });
    assert.deepEqual(rowsOf(small), ['i.', '..']);
    assert.deepEqual(rowsOf(large), [...Array<string>(4).fill('iiii....'), ...Array<string>(4).fill('........')]);
  });

  it('lets later masks cover earlier ones', () => {
    const picture = grey(2, 1);
    paintOverlay(picture, maskOf('##'), { ...style, opacity: 1 });
    paintOverlay(picture, maskOf('.#'), { colour: [0, 0, 0], opacity: 1, outlinePixels: 0 });
    assert.deepEqual(Array.from(picture.data), [200, 0, 100, 0, 0, 0]);
  });
});
