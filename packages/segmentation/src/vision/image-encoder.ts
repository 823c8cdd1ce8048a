import { imageTensor, sizeTensor, type Bundle, type InferenceRunner, type KeptTensor } from '@tessera/inference';
import { withKeptOutput } from './kept-output.js';
import type { RequestImage } from './request-image.js';

/** The bundle's graph `image_encoder`; it embeds an image once, as long as the inference process keeps the embedding. */
export class ImageEncoder {
  readonly #bundle: Bundle;
  readonly #runner: InferenceRunner;

  constructor(bundle: Bundle, runner: InferenceRunner) {
    this.#bundle = bundle;
    this.#runner = runner;
  }

  /**
   * Runs `use` with the image's embedding.
   *
   * @throws TesseraError `TSR_INFERENCE_FAILED` when others push it out of memory every time
   */
  async withEmbedding<Result>(image: RequestImage, use: (embedding: KeptTensor) => Promise<Result>): Promise<Result> {
    // Bundles with one image encoder have one embedding of an image.
    const key = `${this.#bundle.graphHash('image_encoder')}/${image.id}/embedding`;
    const embed = async (): Promise<void> => {
      image.embedding ??= 'computed';
      await this.#embed(image, key);
    };
    return withKeptOutput(this.#runner, key, embed, (embedding) => {
      image.embedding ??= 'kept';
      return use(embedding);
    });
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
