import { TesseraError } from '@tessera/contracts';
import {
  imageTensor,
  sizeTensor,
  TensorNotKeptError,
  type Bundle,
  type InferenceRunner,
  type KeptTensor,
} from '@tessera/inference';
import type { RequestImage } from './request-image.js';

/** Other images may push an embedding out between two runs; more often than this they do not by chance. */
const attempts = 3;

/** The bundle's graph `image_encoder`; it embeds an image once, as long as the inference process keeps the embedding. */
export class ImageEncoder {
  readonly #bundle: Bundle;
  readonly #runner: InferenceRunner;

  constructor(bundle: Bundle, runner: InferenceRunner) {
    this.#bundle = bundle;
    this.#runner = runner;
  }

  /**
   * Runs `use` with the image's embedding, again when the embedding was pushed out before `use` reached it.
   *
   * @throws TesseraError `TSR_INFERENCE_FAILED` when it is pushed out every time
   */
  async withEmbedding<Result>(image: RequestImage, use: (embedding: KeptTensor) => Promise<Result>): Promise<Result> {
    // Bundles with one image encoder have one embedding of an image.
    const kept = `${this.#bundle.graphHash('image_encoder')}/${image.id}/embedding`;
    for (let attempt = 0; attempt < attempts; attempt++) {
      const isKept = await this.#runner.holds([kept]);
      image.embedding ??= isKept ? 'kept' : 'computed';
      if (!isKept) await this.#embed(image, kept);
      try {
        return await use({ kept });
      } catch (error) {
        if (!(error instanceof TensorNotKeptError)) throw error;
      }
    }
    throw new TesseraError('TSR_INFERENCE_FAILED', 'The image was pushed out of memory by others; try again.');
  }

  async #embed(image: RequestImage, key: string): Promise<void> {
    const scaled = await image.scaled();
    image.clock.report('vision', 0.3);
    await image.clock.measure('vision', () =>
      this.#runner.run({
        bundle: this.#bundle.manifest.name,
        graph: 'image_encoder',
        feeds: { image: imageTensor(scaled), sizes: sizeTensor(scaled) },
        fetch: [],
        keep: { embedding: key },
      }),
    );
  }
}
