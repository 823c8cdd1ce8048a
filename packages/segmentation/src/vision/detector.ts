import { imageTensor, type Bundle, type HostTensor, type InferenceRunner } from '@tessera/inference';
import { RecentValues } from '@tessera/runtime';
import type { RequestImage } from './request-image.js';

/** What a pipeline reads of the detector's outputs. */
export interface DetectorReader<Found> {
  readonly outputs: readonly string[];
  read(outputs: Readonly<Record<string, HostTensor>>): Found;
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
    const { square } = await image.decode();
    image.clock.report('vision', 0.1);
    const { outputs } = await image.clock.measure('vision', () =>
      this.#runner.run({
        bundle: this.#bundle,
        graph: 'detector',
        feeds: { image: imageTensor(square) },
        fetch: this.#reader.outputs,
      }),
    );
    const found = this.#reader.read(outputs);
    this.#seen.set(image.id, found);
    return found;
  }
}
