import type { PixelImage } from '@tessera/images/decoding';
import type { Box } from './box.js';
import { colourCount, colourOffset, colourTable } from './colour-names.js';

/** Parts of an object that a colour word can be about: all of it, a person's shirt, a person's trousers. */
export const colourPlaces = ['whole', 'upper', 'lower'] as const;
export type ColourPlace = (typeof colourPlaces)[number];

/**
 * How much of each part of an object has each colour: `[13]` by `colourNames`. The eleven basic terms sum to 1, or to 0
 * for a part that the photo does not show; `dark` and `light` are shares of their own.
 */
export type ColourShares = Readonly<Record<ColourPlace, Float32Array>>;

/** The image is named at this many columns and rows. */
const side = 128;

/** Where in a box the part lies, in shares of the box. */
const partBoxes: Readonly<Record<ColourPlace, Box>> = {
  whole: [0.1, 0.1, 0.9, 0.9],
  upper: [0.2, 0.2, 0.8, 0.5],
  lower: [0.25, 0.55, 0.75, 0.85],
};

/** The colours of an image, summed so that those of a box are read in constant time. */
export class ImageColours {
  /** `[side + 1, side + 1, 13]`: sums over all pixels above and left. */
  readonly #sums: Uint32Array;

  /** @param image - of any size; stretched ones are fine, since boxes are in shares of the sides */
  constructor(image: PixelImage) {
    this.#sums = sumColours(image);
  }

  /** The colours of the object in a box, in shares of the image's width and height. */
  shares(box: Box): ColourShares {
    const part = (place: ColourPlace): Float32Array => this.#share(partBoxes[place], box);
    return { whole: part('whole'), upper: part('upper'), lower: part('lower') };
  }

  #share([left, top, right, bottom]: Box, [x0, y0, x1, y1]: Box): Float32Array {
    const [width, height] = [x1 - x0, y1 - y0];
    const sums = this.#sum([x0 + left * width, y0 + top * height, x0 + right * width, y0 + bottom * height]);
    const total = sums.subarray(0, colourCount - 2).reduce((sum, own) => sum + own, 0);
    return total === 0 ? sums : sums.map((own) => own / total);
  }

  /** Sums over the pixels of a box, `[13]`; over one pixel at least. */
  #sum([x0, y0, x1, y1]: Box): Float32Array {
    const [left, right] = pixelRange(x0, x1);
    const [top, bottom] = pixelRange(y0, y1);
    const at = (x: number, y: number): number => (y * (side + 1) + x) * colourCount;
    const corners = [at(right, bottom), at(left, top), at(left, bottom), at(right, top)] as const;
    return Float32Array.from({ length: colourCount }, (_, index) => {
      const [lowerRight = 0, upperLeft = 0, lowerLeft = 0, upperRight = 0] = corners.map(
        (corner) => this.#sums[corner + index],
      );
      return lowerRight + upperLeft - lowerLeft - upperRight;
    });
  }
}

/** The pixels between two places in [0, 1], at least one. */
function pixelRange(from: number, to: number): [from: number, to: number] {
  const first = Math.min(side - 1, Math.max(0, Math.round(from * side)));
  return [first, Math.min(side, Math.max(first + 1, Math.round(to * side)))];
}

function sumColours({ width, height, data }: PixelImage): Uint32Array {
  const names = colourTable();
  const sums = new Uint32Array((side + 1) ** 2 * colourCount);
  const row = new Uint32Array(colourCount);
  const stride = (side + 1) * colourCount;
  for (let y = 0; y < side; y++) {
    row.fill(0);
    const line = Math.floor(((y + 0.5) * height) / side) * width;
    for (let x = 0; x < side; x++) {
      const pixel = 3 * (line + Math.floor(((x + 0.5) * width) / side));
      const offset = colourOffset(data[pixel] ?? 0, data[pixel + 1] ?? 0, data[pixel + 2] ?? 0);
      const target = (y + 1) * stride + (x + 1) * colourCount;
      for (let index = 0; index < colourCount; index++) {
        const sum = (row[index] ?? 0) + (names[offset + index] ?? 0);
        row[index] = sum;
        sums[target + index] = sum + (sums[target - stride + index] ?? 0);
      }
    }
  }
  return sums;
}
