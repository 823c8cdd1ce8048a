import type { PixelImage } from '@tessera/images/decoding';
import { imageTensor, type Bundle, type HostTensor, type InferenceRunner } from '@tessera/inference';
import { RecentValues } from '@tessera/runtime';
import type { ViewPlace } from './image-views.js';
import type { RequestImage } from './request-image.js';

/** What a pipeline reads of the detector's outputs. */
export interface DetectorReader<Found> {
  readonly outputs: readonly string[];
  /** @param views - of one image, at least one */
  read(views: readonly DetectedView[]): Found;
}

/** The detector's outputs for a view of an image. */
export interface DetectedView {
  readonly outputs: Readonly<Record<string, HostTensor>>;
  readonly place: ViewPlace;
}

/** How many images' detections are remembered; each takes some 10 KB. */
const rememberedImages = 256;

/** The bundle's graph `detector`; it sees an image once, as long as what it found is remembered. */
export class Detector<Found> {
  readonly #bundle: string;
  readonly #runner: InferenceRunner;
  readonly #reader: DetectorReader<Found>;
  readonly #seen = new RecentValues<Found>(rememberedImages);

  constructor(bundle: Bundle, runner: InferenceRunner, reader: DetectorReader<Found>) {
    this.#bundle = bundle.manifest.name;
    this.#runner = runner;
    this.#reader = reader;
  }

  async detect(image: RequestImage): Promise<Found> {
    const remembered = this.#seen.get(image.id);
    if (remembered !== undefined) return remembered;
    const views = await image.views();
    image.clock.report('vision', 0.1);
    const detected = await image.clock.measure('vision', () =>
      Promise.all(views.map(({ pixels, place }) => this.#run(pixels, place))),
    );
    const found = this.#reader.read(detected);
    this.#seen.set(image.id, found);
    return found;
  }

  async #run(pixels: PixelImage, place: ViewPlace): Promise<DetectedView> {
    const { outputs } = await this.#runner.run({
      bundle: this.#bundle,
      graph: 'detector',
      feeds: { image: imageTensor(pixels) },
      fetch: this.#reader.outputs,
    });
    return { outputs, place };
  }
}
