import type { ImageLimits } from '@tessera/images';
import { decodeForModels, type PixelImage, type ResizeTarget } from '@tessera/images/decoding';
import { RecentValues, StageClock } from '@tessera/runtime';
import { planViews, type ImageView, type ViewPlan } from './image-views.js';
import { segmentStages, type SegmentClock, type SegmentImage } from '../segment-request.js';

/** Sizes of an image in pixels. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
  /** Size at which the image encoder reads it. */
  readonly scaledWidth: number;
  readonly scaledHeight: number;
}

/** An image at the sizes that the vision graphs read. */
export interface DecodedImage {
  readonly size: ImageSize;
  /** What the detector reads. */
  readonly views: readonly ImageView[];
  /** Scaled to the encoder's longest side. */
  readonly scaled: PixelImage;
}

export interface DecodingSizes {
  /** Side of a view. */
  readonly square: number;
  readonly longestSide: number;
  readonly limits: ImageLimits;
}

/** How many images' sizes are remembered. */
const rememberedImages = 1024;

/** Opens the images of requests, and remembers the sizes of those that were decoded. */
export class ImageReader {
  readonly #sizes: DecodingSizes;
  readonly #known = new RecentValues<ImageSize>(rememberedImages);

  constructor(sizes: DecodingSizes) {
    this.#sizes = sizes;
  }

  /** @param clock - of the request, for all that is done with the image; one that nobody looks at unless given */
  open(image: SegmentImage, clock: SegmentClock = new StageClock(segmentStages)): RequestImage {
    return new RequestImage(image, this.#sizes, this.#known, clock);
  }
}

/** The image of one request: read and decoded when first needed, and only once. */
export class RequestImage {
  readonly id: string;
  readonly clock: SegmentClock;
  readonly #image: SegmentImage;
  readonly #sizes: DecodingSizes;
  readonly #known: RecentValues<ImageSize>;
  #decoded: Promise<DecodedImage> | undefined;

  constructor(image: SegmentImage, sizes: DecodingSizes, known: RecentValues<ImageSize>, clock: SegmentClock) {
    this.id = image.id;
    this.clock = clock;
    this.#image = image;
    this.#sizes = sizes;
    this.#known = known;
  }

  /** @throws TesseraError as `decodeForModels` does */
  async size(): Promise<ImageSize> {
    return this.#known.get(this.id) ?? (await this.decode()).size;
  }

  /** @throws TesseraError as `decodeForModels` does */
  decode(): Promise<DecodedImage> {
    this.#decoded ??= this.#decode();
    return this.#decoded;
  }

  async #decode(): Promise<DecodedImage> {
    const { square: side, longestSide, limits } = this.#sizes;
    this.clock.report('decode', 0.05);
    let plan: ViewPlan | undefined;
    const { width, height, images } = await this.clock.measure('decode', async () => {
      const targets = (original: { readonly width: number; readonly height: number }): ResizeTarget[] => {
        plan = planViews(original, side);
        return [{ longestSide }, ...plan.targets];
      };
      return await decodeForModels(await this.#image.read(), { targets, limits });
    });
    const [scaled, ...shown] = images;
    if (scaled === undefined || plan === undefined) throw new Error('An image is missing for one of the targets.');
    const size = { width, height, scaledWidth: scaled.width, scaledHeight: scaled.height };
    this.#known.set(this.id, size);
    return { size, views: plan.cut(shown), scaled };
  }
}
