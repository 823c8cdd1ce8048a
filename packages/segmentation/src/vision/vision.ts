import { TesseraError } from '@tessera/contracts';
import { sizeTensor, TensorNotKeptError, type Bundle, type HostTensor, type InferenceRunner } from '@tessera/inference';
import type { Box } from './box.js';
import type { SquareLogits } from '../answers/mask-upsampling.js';
import { RecentValues } from '../recent-values.js';
import type { RequestImage } from './request-image.js';
import type { Stopwatch } from '../stopwatch.js';
import { float32Output, imageTensor } from './tensors.js';

/** What a pipeline reads of the detector's outputs. */
export interface DetectorReader<Found> {
  readonly outputs: readonly string[];
  read(outputs: Readonly<Record<string, HostTensor>>): Found;
}

/** Sizes of an image that was decoded once, in pixels. */
export interface SeenSize {
  readonly width: number;
  readonly height: number;
  /** Size at which the image encoder reads it. */
  readonly scaledWidth: number;
  readonly scaledHeight: number;
}

/** What is known of an image once the detector has seen it. */
export interface SeenImage<Found> extends SeenSize {
  readonly found: Found;
}

/** How many images' detections are remembered; each takes some 10 KB. */
const rememberedImages = 256;

/** One run decodes this many boxes. */
const boxesPerRun = 8;

/** Other images may push the embedding out between two runs; more often than this they do not by chance. */
const embeddingAttempts = 3;

/**
 * The vision graphs of a bundle. An image is detected and embedded once, as long as its detections are remembered here
 * and its embedding is kept in the inference process.
 */
export class Vision<Found> {
  readonly #bundle: Bundle;
  readonly #runner: InferenceRunner;
  readonly #reader: DetectorReader<Found>;
  readonly #seen = new RecentValues<SeenImage<Found>>(rememberedImages);

  constructor(bundle: Bundle, runner: InferenceRunner, reader: DetectorReader<Found>) {
    this.#bundle = bundle;
    this.#runner = runner;
    this.#reader = reader;
  }

  async detect(image: RequestImage, stopwatch: Stopwatch): Promise<SeenImage<Found>> {
    const remembered = this.#seen.get(image.id);
    if (remembered !== undefined) return remembered;
    const { width, height, square, scaled } = await image.decode();
    const { outputs } = await stopwatch.measure('vision', 0.1, () =>
      this.#runner.run({
        bundle: this.#bundle.manifest.name,
        graph: 'detector',
        feeds: { image: imageTensor(square) },
        fetch: this.#reader.outputs,
      }),
    );
    const found = this.#reader.read(outputs);
    const seen = { width, height, scaledWidth: scaled.width, scaledHeight: scaled.height, found };
    this.#seen.set(image.id, seen);
    return seen;
  }

  /** Bundles with one image encoder have one embedding of an image. */
  get #encoderVersion(): string {
    return this.#bundle.graphHash('image_encoder');
  }

  /**
   * Mask logits of what is in each box.
   *
   * @param boxes - in shares of the image's width and height
   */
  async segmentBoxes(
    image: RequestImage,
    seen: SeenSize,
    boxes: readonly Box[],
    stopwatch: Stopwatch,
  ): Promise<SquareLogits[]> {
    const masks: SquareLogits[] = [];
    while (masks.length < boxes.length) {
      const batch = boxes.slice(masks.length, masks.length + boxesPerRun);
      masks.push(...(await this.#segmentBatch(image, seen, batch, stopwatch)));
    }
    return masks;
  }

  async #segmentBatch(
    image: RequestImage,
    seen: SeenSize,
    boxes: readonly Box[],
    stopwatch: Stopwatch,
  ): Promise<SquareLogits[]> {
    const embeddingKey = `${this.#encoderVersion}/${image.id}/embedding`;
    for (let attempt = 0; attempt < embeddingAttempts; attempt++) {
      if (!(await this.#runner.holds([embeddingKey]))) await this.#embed(image, embeddingKey, stopwatch);
      try {
        return await stopwatch.measure('mask', 0.8, () => this.#decodeMasks(embeddingKey, seen, boxes));
      } catch (error) {
        if (!(error instanceof TensorNotKeptError)) throw error;
      }
    }
    throw new TesseraError('TSR_INFERENCE_FAILED', 'The image was pushed out of memory by others; try again.');
  }

  async #embed(image: RequestImage, embeddingKey: string, stopwatch: Stopwatch): Promise<void> {
    const { scaled } = await image.decode();
    await stopwatch.measure('vision', 0.3, () =>
      this.#runner.run({
        bundle: this.#bundle.manifest.name,
        graph: 'image_encoder',
        feeds: { image: imageTensor(scaled), sizes: sizeTensor(scaled) },
        fetch: [],
        keep: { embedding: embeddingKey },
      }),
    );
  }

  async #decodeMasks(embeddingKey: string, seen: SeenSize, boxes: readonly Box[]): Promise<SquareLogits[]> {
    const { scaledWidth, scaledHeight } = seen;
    const { outputs } = await this.#runner.run({
      bundle: this.#bundle.manifest.name,
      graph: 'mask_decoder',
      feeds: {
        embedding: { kept: embeddingKey },
        boxes: {
          type: 'float32',
          dims: [boxes.length, 4],
          data: Float32Array.from(
            boxes.flatMap(([x0, y0, x1, y1]) => [
              x0 * scaledWidth,
              y0 * scaledHeight,
              x1 * scaledWidth,
              y1 * scaledHeight,
            ]),
          ),
        },
      },
      fetch: ['low_res_masks'],
    });
    const logits = float32Output(outputs, 'low_res_masks');
    const size = logits.length / boxes.length;
    const longestSide = Math.max(scaledWidth, scaledHeight);
    return boxes.map((_, index) => ({
      data: logits.subarray(index * size, (index + 1) * size),
      side: Math.sqrt(size),
      imageWidth: scaledWidth / longestSide,
      imageHeight: scaledHeight / longestSide,
    }));
  }
}
