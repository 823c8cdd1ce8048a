import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PixelImage, ResizeTarget } from '@tessera/images/decoding';
import fc from 'fast-check';
import { planCentreCrop, planViews } from './image-views.js';

const side = 64;

/** Each pixel holds its own column, row and 7. */
function picture(target: ResizeTarget | undefined): PixelImage {
  assert.ok(target && 'width' in target);
  const { width, height } = target;
  const data = Uint8Array.from({ length: width * height * 3 }, (_, index) => {
    const pixel = Math.floor(index / 3);
    return [pixel % width, Math.floor(pixel / width), 7][index % 3] ?? 0;
  });
  return { width, height, data };
}

function viewsOf(width: number, height: number) {
  const { targets, cut } = planViews({ width, height }, { side });
  return cut(targets.map(picture));
}

describe('planViews', () => {
  it('shows an image up to 2 : 1 in the middle of a square, its aspect kept', () => {
    for (const [width, height, target, box] of [
      [640, 480, { width: 64, height: 48 }, [0, -8 / 48, 1, 56 / 48]],
      [400, 200, { width: 64, height: 32 }, [0, -0.5, 1, 1.5]],
      [200, 400, { width: 32, height: 64 }, [-0.5, 0, 1.5, 1]],
      [1, 1, { width: 64, height: 64 }, [0, 0, 1, 1]],
    ] as const) {
      const { targets } = planViews({ width, height }, { side });
      assert.deepEqual(targets, [{ ...target, fit: 'fill' }]);
      const [view, ...others] = viewsOf(width, height);
      assert.ok(view);
      assert.deepEqual(
        // -0 is 0.
        view.place.box.map((edge) => edge + 0),
        box,
      );
      assert.deepEqual([view.pixels.width, view.pixels.height, others], [side, side, []]);
    }
  });

  it('shows a longer image whole and padded, and in overlapping tiles', () => {
    const [whole, ...tiles] = viewsOf(400, 100);
    assert.deepEqual(whole?.place, { box: [0, -1.5, 1, 2.5], isCut: [false, false, false, false], scoreWeight: 1 });
    assert.deepEqual(
      tiles.map(({ place: { box } }) => box),
      [0, 48, 96, 144].map((start) => [start / 208, 0, (start + 64) / 208, 1]),
    );
    assert.deepEqual(
      tiles.map(({ place: { isCut } }) => isCut[0] || isCut[2]),
      [true, true, true, true],
    );
    assert.deepEqual(
      [tiles[0]?.place.isCut, tiles[3]?.place.isCut],
      [
        [false, false, true, false],
        [true, false, false, false],
      ],
    );
  });

  it('cuts tiles of a tall image out of its rows', () => {
    const [whole, ...tiles] = viewsOf(100, 400);
    assert.deepEqual(whole?.place.box, [-1.5, 0, 2.5, 1]);
    const second = tiles[1];
    assert.deepEqual(
      [second?.place.box, second?.place.isCut],
      [
        [0, 48 / 208, 1, 112 / 208],
        [false, true, false, true],
      ],
    );
    assert.deepEqual([...(second?.pixels.data.subarray(0, 6) ?? [])], [0, 48, 7, 1, 48, 7]);
  });

  it('pads with a plain colour and keeps the pixels of the image', () => {
    const [whole] = viewsOf(400, 100);
    assert.ok(whole);
    const at = (x: number, y: number) => [...whole.pixels.data.subarray((y * side + x) * 3, (y * side + x + 1) * 3)];
    assert.deepEqual(
      [at(0, 24), at(63, 39)],
      [
        [0, 0, 7],
        [63, 15, 7],
      ],
    );
    assert.deepEqual([at(0, 23), at(63, 40), at(0, 0), at(63, 63)], Array(4).fill([124, 116, 103]));
  });

  it('bounds the tiles of the longest images, which cover them', () => {
    for (const [width, height] of [
      [3000, 1],
      [1, 3000],
    ] as const) {
      const [whole, ...tiles] = viewsOf(width, height);
      assert.equal(tiles.length, 8);
      assert.ok(whole?.place.box.every((edge) => Math.abs(edge) <= side));
      const axis = width > height ? 0 : 1;
      assert.deepEqual([tiles[0]?.place.box[axis], tiles[7]?.place.box[axis + 2]], [0, 1]);
      for (const { pixels } of tiles) assert.equal(pixels.data.length, side * side * 3);
    }
  });
});

describe('planViews for a model that reads multiples of 32 pixels', () => {
  const size = { side: 512, multiple: 32 };

  it('pads an image no further than that', () => {
    for (const [width, height, shown] of [
      [640, 480, [512, 384]],
      [640, 427, [512, 352]],
      [427, 640, [352, 512]],
      [500, 500, [512, 512]],
      [500, 499, [512, 512]],
      [1920, 1080, [512, 288]],
      [1000, 500, [512, 256]],
      [3000, 500, [512, 512]],
      [1, 3000, [512, 512]],
    ] as const) {
      const { targets, cut } = planViews({ width, height }, size);
      const [whole, ...tiles] = cut(targets.map(picture));
      assert.deepEqual([whole?.pixels.width, whole?.pixels.height], shown);
      for (const { pixels } of tiles) assert.deepEqual([pixels.width, pixels.height], [512, 512]);
    }
  });

  it('shows the whole of any image in the middle, undistorted', () => {
    const length = fc.integer({ min: 1, max: 8_000 });
    fc.assert(
      fc.property(length, length, (width, height) => {
        const { targets, places, cut } = planViews({ width, height }, size);
        const [target] = targets;
        assert.ok(target && 'width' in target);
        const blank = { width: target.width, height: target.height, data: new Uint8Array() };
        const [view] = cut([blank, { width: 0, height: 0, data: new Uint8Array() }]);
        assert.ok(view && view.place === places[0]);
        const { pixels } = view;
        const [short, long] = [pixels.width, pixels.height].sort((a, b) => a - b);
        assert.ok(long === 512 && short !== undefined && short >= 256 && short % 32 === 0);
        assert.equal(pixels.data.length, pixels.width * pixels.height * 3);

        const [x0, y0, x1, y1] = view.place.box;
        for (const [from, to, viewSide, shownSide] of [
          [x0, x1, pixels.width, target.width],
          [y0, y1, pixels.height, target.height],
        ] as const) {
          assert.ok(Math.abs(viewSide / (to - from) - shownSide) < 1e-6);
          const [before, after] = [-from * shownSide, (to - 1) * shownSide];
          assert.ok(before > -1e-6 && after - before > -1e-6 && after - before < 1 + 1e-6);
          if (Math.max(width, height) <= 2 * Math.min(width, height)) assert.ok(viewSide - shownSide < 32);
        }
        // To whole pixels, and no side is none.
        const scale = 512 / Math.max(width, height);
        assert.ok(Math.abs(target.width - Math.max(1, width * scale)) <= 0.5 + 1e-6);
        assert.ok(Math.abs(target.height - Math.max(1, height * scale)) <= 0.5 + 1e-6);
      }),
    );
  });
});

describe('planCentreCrop', () => {
  it('shows the largest square around the centre', () => {
    for (const [width, height, box] of [
      [100, 100, [0, 0, 1, 1]],
      [400, 100, [0.375, 0, 0.625, 1]],
      [100, 200, [0, 0.25, 1, 0.75]],
    ] as const) {
      const { targets, cut } = planCentreCrop({ width, height }, side);
      assert.deepEqual(targets, [{ width: side, height: side, fit: 'cover' }]);
      const pixels = picture(targets[0]);
      const [view, ...others] = cut([pixels]);
      assert.deepEqual([view?.pixels, view?.place.box, others], [pixels, box, []]);
    }
  });
});
