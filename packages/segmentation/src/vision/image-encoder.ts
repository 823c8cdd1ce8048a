import {
  imageTensor,
  ofRun,
  SharedGraph,
  sizeTensor,
  type Bundle,
  type InferenceRunner,
  type KeptTensor,
} from '@tessera/inference';
import { withKeptOutput } from './kept-output.js';
import type { RequestImage } from './request-image.js';

const embeddingName = ofRun(0, 'embedding');

/** The bundle's graph `image_encoder`; it embeds an image once, as long as the embedding is kept here or shared. */
export class ImageEncoder {
  readonly #bundle: Bundle;
  readonly #runner: InferenceRunner;
  readonly #graph: SharedGraph;

  /** @param longestSide - to which images are scaled, in pixels */
  constructor(bundle: Bundle, runner: InferenceRunner, longestSide: number) {
    this.#bundle = bundle;
    this.#runner = runner;
    const preparation = `longest side ${longestSide}`;
    this.#graph = new SharedGraph({ bundle, runner, graph: 'image_encoder', outputs: ['embedding'], preparation });
  }

  /**
   * Runs `use` with the image's embedding.
   *
   * @throws TesseraError `TSR_INFERENCE_FAILED` when others push it out of memory every time
   */
  async withEmbedding<Result>(image: RequestImage, use: (embedding: KeptTensor) => Promise<Result>): Promise<Result> {
    // Bundles with one image encoder have one embedding of an image.
    const key = this.#graph.key(image.id);
    const embed = async (): Promise<void> => {
      const isShared = await this.#keepShared(image, key);
      image.embedding ??= isShared ? 'shared' : 'computed';
      if (!isShared) await this.#embed(image, key);
    };
    return withKeptOutput(this.#runner, key, embed, (embedding) => {
      image.embedding ??= 'kept';
      return use(embedding);
    });
  }

  /** Keeps the embedding that another worker has computed; false when there is none. */
  async #keepShared(image: RequestImage, key: string): Promise<boolean> {
    const { shared } = image;
    if (shared === undefined) return false;
    return image.clock.measure('vision', async () => {
      const found = await shared.find(key, ({ size, tensors }) => size !== undefined && this.#graph.fits(tensors));
      const embedding = found?.tensors[embeddingName];
      if (found?.size === undefined || embedding === undefined) return false;
      image.acceptSize(found.size);
      await this.#runner.keep(key, embedding);
      return true;
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
        signal: image.clock.signal,
      }),
    );
    image.shared?.store(key, async () => {
      const embedding = await this.#runner.readKept(key);
      return embedding && { size: await image.size(), tensors: { [embeddingName]: embedding } };
    });
  }
}
