import type { PixelImage } from '@tessera/images/decoding';
import {
  imageTensor,
  ofRun,
  SharedGraph,
  type Bundle,
  type HostTensor,
  type ImageOutputs,
  type InferenceRunner,
} from '@tessera/inference';
import { RecentValues } from '@tessera/runtime';
import type { ViewPlace, ViewSize } from './image-views.js';
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

/** The bundle's graph `detector`; it sees an image once, as long as what it found is remembered here or shared. */
export class Detector<Found> {
  readonly #bundle: string;
  readonly #runner: InferenceRunner;
  readonly #reader: DetectorReader<Found>;
  readonly #graph: SharedGraph;
  readonly #seen = new RecentValues<Found>(rememberedImages);

  constructor(
    bundle: Bundle,
    runner: InferenceRunner,
    reader: DetectorReader<Found>,
    { side, multiple = side }: ViewSize,
  ) {
    this.#bundle = bundle.manifest.name;
    this.#runner = runner;
    this.#reader = reader;
    const { outputs } = reader;
    this.#graph = new SharedGraph({
      bundle,
      runner,
      graph: 'detector',
      outputs,
      preparation: `views of ${side} pixels, padded to multiples of ${multiple}`,
    });
  }

  async detect(image: RequestImage): Promise<Found> {
    const remembered = this.#seen.get(image.id);
    if (remembered !== undefined) return remembered;
    const found = this.#reader.read((await this.#shared(image)) ?? (await this.#look(image)));
    this.#seen.set(image.id, found);
    return found;
  }

  async #look(image: RequestImage): Promise<DetectedView[]> {
    const views = await image.views();
    image.clock.report('vision', 0.1);
    const detected = await image.clock.measure('vision', () =>
      Promise.all(views.map(({ pixels, place }) => this.#run(pixels, place, image.clock.signal))),
    );
    image.shared?.store(this.#graph.key(image.id), async () => ({
      size: await image.size(),
      tensors: Object.fromEntries(
        detected.flatMap(({ outputs }, view) =>
          Object.entries(outputs).map(([name, tensor]) => [ofRun(view, name), tensor]),
        ),
      ),
    }));
    return detected;
  }

  /** What another worker's detector gave. */
  async #shared(image: RequestImage): Promise<DetectedView[] | undefined> {
    const { shared } = image;
    if (shared === undefined) return undefined;
    const found = await image.clock.measure('vision', () =>
      shared.find(this.#graph.key(image.id), ({ size, tensors }) => {
        return size !== undefined && this.#graph.fits(tensors, image.placesIn(size).length);
      }),
    );
    return found === undefined ? undefined : this.#viewsIn(found, image);
  }

  #viewsIn({ size, tensors }: ImageOutputs, image: RequestImage): DetectedView[] | undefined {
    if (size === undefined) return undefined;
    image.acceptSize(size);
    return image.placesIn(size).map((place, view) => {
      const named = this.#reader.outputs.flatMap((output): [string, HostTensor][] => {
        const tensor = tensors[ofRun(view, output)];
        return tensor === undefined ? [] : [[output, tensor]];
      });
      return { outputs: Object.fromEntries(named), place };
    });
  }

  async #run(pixels: PixelImage, place: ViewPlace, signal: AbortSignal | undefined): Promise<DetectedView> {
    const { outputs } = await this.#runner.run({
      bundle: this.#bundle,
      graph: 'detector',
      feeds: { image: imageTensor(pixels) },
      fetch: this.#reader.outputs,
      signal,
    });
    return { outputs, place };
  }
}
