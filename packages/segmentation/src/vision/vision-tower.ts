import { float32Output, imageTensor, type Bundle, type InferenceRunner, type KeptTensor } from '@tessera/inference';
import { RecentValues } from '@tessera/runtime';
import { withKeptOutput } from './kept-output.js';
import type { RequestImage } from './request-image.js';

/** How many images' attention is remembered; each takes a kilobyte. */
const rememberedImages = 1024;

/** What a language model sees of an image. */
export interface SeenImage {
  /** `[1, N, width]`. */
  readonly embeddings: KeptTensor;
  /** What the tower's class token attends to, `[N]`. */
  readonly attention: Float32Array;
}

/** The bundle's graph `vision_tower`; it sees an image once, as long as the inference process keeps its embeddings. */
export class VisionTower {
  readonly #bundle: Bundle;
  readonly #runner: InferenceRunner;
  readonly #attention = new RecentValues<Float32Array>(rememberedImages);

  constructor(bundle: Bundle, runner: InferenceRunner) {
    this.#bundle = bundle;
    this.#runner = runner;
  }

  /**
   * Runs `use` with what the tower saw.
   *
   * @throws TesseraError `TSR_INFERENCE_FAILED` when others push it out of memory every time
   */
  async withImage<Result>(image: RequestImage, use: (seen: SeenImage) => Promise<Result>): Promise<Result> {
    const key = `${this.#bundle.graphHash('vision_tower')}/${image.id}/image_embeddings`;
    const look = () => this.#look(image, key);
    return withKeptOutput(this.#runner, key, look, async (embeddings) => {
      if (this.#attention.get(image.id) === undefined) await look();
      return use({ embeddings, attention: this.#attention.get(image.id) ?? new Float32Array() });
    });
  }

  async #look(image: RequestImage, key: string): Promise<void> {
    const [view] = await image.views();
    if (view === undefined) throw new Error('An image was decoded without a view.');
    image.clock.report('vision', 0.1);
    const { outputs } = await image.clock.measure('vision', () =>
      this.#runner.run({
        bundle: this.#bundle.manifest.name,
        graph: 'vision_tower',
        feeds: { image: imageTensor(view.pixels) },
        fetch: ['cls_attention'],
        keep: { image_embeddings: key },
      }),
    );
    this.#attention.set(image.id, float32Output(outputs, 'cls_attention'));
  }
}
