import type { ImageLimits } from '@tessera/images';
import { decodeForModels, scaledToLongestSide, type PixelImage, type ResizeTarget } from '@tessera/images/decoding';
import type { ImageOutputs, SharedOutputs } from '@tessera/inference';
import { RecentValues, StageClock } from '@tessera/runtime';
import type { ImageView, ViewPlace, ViewPlan } from './image-views.js';
import { segmentStages, type SegmentClock, type SegmentImage, type SegmentOutcome } from '../segment-request.js';

/** Sizes of an image in pixels. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
  /** Size at which the image encoder reads it. */
  readonly scaledWidth: number;
  readonly scaledHeight: number;
}

export interface DecodingSizes {
  /** The views of an image of this size, for a model that reads it so; without it there are none. */
  readonly views?: (size: { readonly width: number; readonly height: number }) => ViewPlan;
  /** Of the image as the image encoder reads it. */
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

  /**
   * @param clock - of the request, for all that is done with the image; one that nobody looks at unless given
   */
  open(
    image: SegmentImage,
    clock: SegmentClock = new StageClock(segmentStages),
    { isEncoded = true, shared }: OpenOptions = {},
  ): RequestImage {
    return new RequestImage(image, this.#sizes, this.#known, clock, { isEncoded, shared });
  }
}

interface OpenOptions {
  /** Whether the image encoder will read the image, so that it is decoded for detector and encoder at once. */
  readonly isEncoded?: boolean;
  /** What other workers found out about the image. */
  readonly shared?: SharedOutputs | undefined;
}

interface DecodedImage {
  readonly size: ImageSize;
  readonly views: readonly ImageView[];
  /** Nothing when it was decoded for the detector alone. */
  readonly scaled: PixelImage | undefined;
}

/** The image of one request: read and decoded when first needed, as a rule once. */
export class RequestImage {
  readonly id: string;
  readonly clock: SegmentClock;
  /** Where its embedding came from, once it was needed. */
  embedding: SegmentOutcome['embedding'];
  /** What other workers found out about it; nothing where nothing is shared. */
  readonly shared: SharedOutputs | undefined;
  readonly #image: SegmentImage;
  readonly #sizes: DecodingSizes;
  readonly #known: RecentValues<ImageSize>;
  readonly #isEncoded: boolean;
  #decoded: Promise<DecodedImage> | undefined;
  #scaled: Promise<PixelImage> | undefined;

  constructor(
    image: SegmentImage,
    sizes: DecodingSizes,
    known: RecentValues<ImageSize>,
    clock: SegmentClock,
    { isEncoded = true, shared }: OpenOptions,
  ) {
    this.id = image.id;
    this.clock = clock;
    this.#image = image;
    this.#sizes = sizes;
    this.#known = known;
    this.#isEncoded = isEncoded;
    this.shared = shared;
  }

  /** @throws TesseraError as `decodeForModels` does; so do its siblings */
  async size(): Promise<ImageSize> {
    return this.#known.get(this.id) ?? (await this.#decode()).size;
  }

  /** Takes over the size that another worker has found, so that the image need not be decoded for it. */
  acceptSize({ width, height }: NonNullable<ImageOutputs['size']>): void {
    if (this.#known.get(this.id) === undefined) this.#known.set(this.id, this.#sizeOf(width, height));
  }

  /** What the views show of an image of this size. */
  placesIn(size: NonNullable<ImageOutputs['size']>): readonly ViewPlace[] {
    return this.#planFor(size)?.places ?? [];
  }

  /** What a detector or a vision tower reads. */
  async views(): Promise<readonly ImageView[]> {
    return (await this.#decode()).views;
  }

  /** Scaled to the encoder's longest side. */
  scaled(): Promise<PixelImage> {
    this.#scaled ??= this.#scale();
    return this.#scaled;
  }

  async #scale(): Promise<PixelImage> {
    const { scaled } = await this.#decode(true);
    if (scaled !== undefined) return scaled;
    const { longestSide, limits } = this.#sizes;
    const { images } = await this.clock.measure('decode', async () =>
      decodeForModels(await this.#image.read(), { targets: [{ longestSide }], limits }),
    );
    const [only] = images;
    if (only === undefined) throw new Error('An image is missing for one of the targets.');
    return only;
  }

  /** @param withScaled - whether the encoder's picture is made, too, unless the image has been decoded before */
  #decode(withScaled = this.#isEncoded): Promise<DecodedImage> {
    this.#decoded ??= this.#decodeFile(withScaled);
    return this.#decoded;
  }

  async #decodeFile(withScaled: boolean): Promise<DecodedImage> {
    const { longestSide, limits } = this.#sizes;
    this.clock.report('decode', 0.05);
    let plan: ViewPlan | undefined;
    const { width, height, images } = await this.clock.measure('decode', async () => {
      const targets = (original: { readonly width: number; readonly height: number }): ResizeTarget[] => {
        plan = this.#planFor(original);
        return [...(plan?.targets ?? []), ...(withScaled ? [{ longestSide }] : [])];
      };
      return await decodeForModels(await this.#image.read(), { targets, readForLongestSide: longestSide, limits });
    });
    const size = this.#sizeOf(width, height);
    this.#known.set(this.id, size);
    const shown = plan?.targets.length ?? 0;
    return { size, views: plan?.cut(images.slice(0, shown)) ?? [], scaled: images[shown] };
  }

  #planFor(size: { readonly width: number; readonly height: number }): ViewPlan | undefined {
    return this.#sizes.views?.(size);
  }

  #sizeOf(width: number, height: number): ImageSize {
    const scaled = scaledToLongestSide({ width, height }, this.#sizes.longestSide);
    return { width, height, scaledWidth: scaled.width, scaledHeight: scaled.height };
  }
}
