import {
  finiteOutput,
  imageTensor,
  ofRun,
  SharedGraph,
  type Bundle,
  type HostTensor,
  type InferenceRunner,
  type KeptTensor,
} from '@tessera/inference';
import { RecentValues } from '@tessera/runtime';
import { withKeptOutput } from './kept-output.js';
import type { RequestImage } from './request-image.js';

/** How many images' attention is remembered; each takes a kilobyte. */
const rememberedImages = 1024;

const embeddingsName = ofRun(0, 'image_embeddings');
const attentionName = ofRun(0, 'cls_attention');

/** What a language model sees of an image. */
export interface SeenImage {
  /** `[1, N, width]`. */
  readonly embeddings: KeptTensor;
  /** What the tower's class token attends to, `[N]`. */
  readonly attention: Float32Array;
}

/** The bundle's graph `vision_tower`; it sees an image once, as long as its embeddings are kept here or shared. */
export class VisionTower {
  readonly #bundle: Bundle;
  readonly #runner: InferenceRunner;
  readonly #graph: SharedGraph;
  readonly #attention = new RecentValues<Float32Array>(rememberedImages);

  /** @param side - of what it reads, in pixels */
  constructor(bundle: Bundle, runner: InferenceRunner, side: number) {
    this.#bundle = bundle;
    this.#runner = runner;
    const outputs = ['image_embeddings', 'cls_attention'];
    const preparation = `centre crop of ${side} pixels`;
    this.#graph = new SharedGraph({ bundle, runner, graph: 'vision_tower', outputs, preparation });
  }

  /**
   * Runs `use` with what the tower saw.
   *
   * @throws TesseraError `TSR_INFERENCE_FAILED` when others push it out of memory every time
   */
  async withImage<Result>(image: RequestImage, use: (seen: SeenImage) => Promise<Result>): Promise<Result> {
    const key = this.#graph.key(image.id);
    const look = async (): Promise<void> => {
      if (!(await this.#keepShared(image, key))) await this.#look(image, key);
    };
    return withKeptOutput(this.#runner, key, look, async (embeddings) => {
      if (this.#attention.get(image.id) === undefined) await look();
      return use({ embeddings, attention: this.#attention.get(image.id) ?? new Float32Array() });
    });
  }

  /** Keeps what another worker's tower saw; false when there is nothing. */
  async #keepShared(image: RequestImage, key: string): Promise<boolean> {
    const { shared } = image;
    if (shared === undefined) return false;
    return image.clock.measure('vision', async () => {
      const found = await shared.find(key, ({ tensors }) => this.#graph.fits(tensors));
      const embeddings = found?.tensors[embeddingsName];
      if (found === undefined || embeddings === undefined) return false;
      await this.#runner.keep(key, embeddings);
      this.#attention.set(image.id, finiteOutput(found.tensors, attentionName));
      return true;
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
        signal: image.clock.signal,
      }),
    );
    const attention = finiteOutput(outputs, 'cls_attention');
    this.#attention.set(image.id, attention);
    image.shared?.store(key, async () => {
      const embeddings = await this.#runner.readKept(key);
      if (embeddings === undefined) return undefined;
      const cls: HostTensor = { type: 'float32', dims: [1, attention.length], data: attention };
      return { tensors: { [embeddingsName]: embeddings, [attentionName]: cls } };
    });
  }
}
