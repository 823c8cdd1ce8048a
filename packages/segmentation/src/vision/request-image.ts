import type { ImageLimits } from '@tessera/images';
import { decodeForModels, type PixelImage } from '@tessera/images/decoding';
import type { SegmentImage } from '../segmenter.js';
import type { Stopwatch } from '../stopwatch.js';

/** An image at the sizes that the vision graphs read. */
export interface DecodedImage {
  readonly width: number;
  readonly height: number;
  /** Stretched to the detector's square. */
  readonly square: PixelImage;
  /** Scaled to the encoder's longest side. */
  readonly scaled: PixelImage;
}

export interface DecodingSizes {
  readonly square: number;
  readonly longestSide: number;
  readonly limits: ImageLimits;
}

/** The image of one request: read and decoded when first needed, and only once. */
export class RequestImage {
  readonly id: string;
  readonly #image: SegmentImage;
  readonly #sizes: DecodingSizes;
  readonly #stopwatch: Stopwatch;
  #decoded: Promise<DecodedImage> | undefined;

  constructor(image: SegmentImage, sizes: DecodingSizes, stopwatch: Stopwatch) {
    this.id = image.id;
    this.#image = image;
    this.#sizes = sizes;
    this.#stopwatch = stopwatch;
  }

  /** @throws TesseraError as `decodeForModels` does */
  decode(): Promise<DecodedImage> {
    this.#decoded ??= this.#stopwatch.measure('decode', 0.05, async () => {
      const { square: side, longestSide, limits } = this.#sizes;
      const targets = [{ width: side, height: side, fit: 'fill' }, { longestSide }] as const;
      const { width, height, images } = await decodeForModels(await this.#image.read(), { targets, limits });
      const [square, scaled] = images;
      if (square === undefined || scaled === undefined) throw new Error('An image is missing for one of the targets.');
      return { width, height, square, scaled };
    });
    return this.#decoded;
  }
}
