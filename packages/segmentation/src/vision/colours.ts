import type { PixelImage } from '@tessera/images/decoding';
import type { Box } from './box.js';
import { colourCount, colourLevels, colourTable, encodedLight, linearLight } from './colour-names.js';

/** Parts of an object that a colour word can be about: all of it, a person's shirt, a person's trousers. */
export const colourPlaces = ['whole', 'upper', 'lower'] as const;
export type ColourPlace = (typeof colourPlaces)[number];

/**
 * How much of each part of an object has each colour: `[13]` by `colourNames`, in [0, 1]. The eleven basic terms sum to
 * 1; `dark` and `light` are shares of their own.
 */
export type ColourShares = Readonly<Record<ColourPlace, Float32Array>>;

/** The image is named at this many columns and rows. */
const side = 128;
const basicCount = colourCount - 2;

/** Where the object surely is, in shares of its box. */
const core: Box = [0.12, 0.12, 0.88, 0.88];
/** Shirt and trousers of a person who stands, and the shirt of one who sits or is cut off. */
const standingTorso: Box = [0.2, 0.2, 0.8, 0.5];
const seatedTorso: Box = [0.2, 0.3, 0.8, 0.7];
const legs: Box = [0.2, 0.5, 0.8, 0.95];
/** Height by width of the box from which a person counts as standing. */
const standingAspect = 1.6;

/** Width of the ring around a box that shows its background, in shares of the box. */
const ringWidth = 0.15;
/** How much of the background's colours is taken off those of the box, and the pixels that a ring must have for it. */
const backgroundShare = 0.3;
const leastRingPixels = 20;

/** Photos are brightened until this share of their pixels is below white, by a power of the gain below 1. */
const brightShare = 0.95;
const gainPower = 0.8;
const maximumGain = 4;

/** The colours of an image, summed so that those of a box are read in constant time. */
export class ImageColours {
  /** `[side + 1, side + 1, 13]`: sums over all pixels above and left. */
  readonly #sums: Uint32Array;
  readonly #aspect: number;

  /**
   * @param image - `[H, W, 3]` in sRGB, of any size, stretched or not
   * @param aspect - width by height of the photo before it was stretched; tells who stands from who sits
   */
  constructor(image: PixelImage, aspect = image.width / image.height) {
    this.#sums = sumColours(image);
    this.#aspect = aspect;
  }

  /** The colours of the object in a box, in shares of the image's width and height. */
  shares(box: Box): ColourShares {
    const [x0, y0, x1, y1] = box;
    const isStanding = y1 - y0 >= standingAspect * this.#aspect * (x1 - x0);
    const background = this.#background(box);
    const part = (relative: Box): Float32Array => this.#share(within(box, relative), background);
    return { whole: part(core), upper: part(isStanding ? standingTorso : seatedTorso), lower: part(legs) };
  }

  /** `[13]`; the basic terms less those of the background. */
  #share(box: Box, background: Float64Array | undefined): Float32Array {
    const { sums, pixels } = this.#sum(box);
    const shares = Float32Array.from(sums, (sum) => sum / (255 * pixels));
    if (background === undefined) return normalized(shares);
    const lessened = shares.map((share, index) =>
      index < basicCount ? Math.max(0, share - backgroundShare * (background[index] ?? 0)) : share,
    );
    return normalized(lessened);
  }

  /** Mean over a ring around the box, `[13]`; undefined where the photo has no such ring. */
  #background(box: Box): Float64Array | undefined {
    const inner = this.#sum(box);
    const outer = this.#sum(within(box, [-ringWidth, -ringWidth, 1 + ringWidth, 1 + ringWidth]));
    const pixels = outer.pixels - inner.pixels;
    if (pixels <= leastRingPixels) return undefined;
    return outer.sums.map((sum, index) => (sum - (inner.sums[index] ?? 0)) / (255 * pixels));
  }

  /** Sums over the pixels of a box, `[13]`, and how many these are, at least one. */
  #sum([x0, y0, x1, y1]: Box): { readonly sums: Float64Array; readonly pixels: number } {
    const [left, right] = pixelRange(x0, x1);
    const [top, bottom] = pixelRange(y0, y1);
    const at = (x: number, y: number, index: number): number =>
      this.#sums[(y * (side + 1) + x) * colourCount + index] ?? 0;
    const sums = Float64Array.from(
      { length: colourCount },
      (_, index) => at(right, bottom, index) - at(left, bottom, index) - at(right, top, index) + at(left, top, index),
    );
    return { sums, pixels: (right - left) * (bottom - top) };
  }
}

/** A box given in shares of another one. */
function within([x0, y0, x1, y1]: Box, [left, top, right, bottom]: Box): Box {
  const [width, height] = [x1 - x0, y1 - y0];
  return [x0 + left * width, y0 + top * height, x0 + right * width, y0 + bottom * height];
}

/** With basic terms that sum to 1; at least one of them is above 0. */
function normalized(shares: Float32Array): Float32Array {
  const total = shares.subarray(0, basicCount).reduce((sum, share) => sum + share, 0);
  return shares.map((share, index) => (index < basicCount ? share / total : share));
}

/** The pixels between two places in [0, 1], at least one. */
function pixelRange(from: number, to: number): [from: number, to: number] {
  const first = Math.min(side - 1, Math.max(0, Math.round(from * side)));
  return [first, Math.min(side, Math.max(first + 1, Math.round(to * side)))];
}

function sumColours({ width, height, data }: PixelImage): Uint32Array {
  const pixels = samplePixels({ width, height, data });
  const level = brightenedLevels(pixels);
  const names = colourTable();
  const sums = new Uint32Array((side + 1) ** 2 * colourCount);
  const row = new Uint32Array(colourCount);
  const stride = (side + 1) * colourCount;
  const levelOf = (index: number): number => level[pixels[index] ?? 0] ?? 0;
  for (let y = 0; y < side; y++) {
    row.fill(0);
    for (let x = 0; x < side; x++) {
      const pixel = 3 * (y * side + x);
      const cell = (levelOf(pixel) * colourLevels + levelOf(pixel + 1)) * colourLevels + levelOf(pixel + 2);
      const source = cell * colourCount;
      const target = (y + 1) * stride + (x + 1) * colourCount;
      for (let index = 0; index < colourCount; index++) {
        const sum = (row[index] ?? 0) + (names[source + index] ?? 0);
        row[index] = sum;
        sums[target + index] = sum + (sums[target - stride + index] ?? 0);
      }
    }
  }
  return sums;
}

/** The pixels at the centres of a grid, `[side, side, 3]`. */
function samplePixels({ width, height, data }: PixelImage): Uint8Array {
  const pixels = new Uint8Array(side * side * 3);
  let target = 0;
  for (let y = 0; y < side; y++) {
    const line = Math.floor(((y + 0.5) * height) / side) * width;
    for (let x = 0; x < side; x++) {
      const source = 3 * (line + Math.floor(((x + 0.5) * width) / side));
      for (let channel = 0; channel < 3; channel++) pixels[target++] = data[source + channel] ?? 0;
    }
  }
  return pixels;
}

/**
 * The level of `colourTable` for each channel value, `[256]`, as if the photo was well exposed. A correction of the light's
 * hue (grey world) was measured and made names worse.
 */
function brightenedLevels(pixels: Uint8Array): Uint8Array {
  const counts = new Uint32Array(256);
  for (let pixel = 0; pixel < pixels.length; pixel += 3) {
    const brightest = Math.max(pixels[pixel] ?? 0, pixels[pixel + 1] ?? 0, pixels[pixel + 2] ?? 0);
    counts[brightest] = (counts[brightest] ?? 0) + 1;
  }
  let bright = 0;
  for (let below = counts[0] ?? 0; below < brightShare * side * side; below += counts[bright] ?? 0) bright += 1;
  const gain = Math.min(maximumGain, Math.max(1, 1 / (linearLight(bright / 255) + 0.01))) ** gainPower;
  return Uint8Array.from({ length: 256 }, (_, value) =>
    Math.min(colourLevels - 1, Math.floor(colourLevels * encodedLight(Math.min(1, gain * linearLight(value / 255))))),
  );
}
