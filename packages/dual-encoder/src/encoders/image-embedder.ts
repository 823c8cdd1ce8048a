import { TesseraError, type DualEncoderSettings } from '@tessera/contracts';
import type { ImageLimits } from '@tessera/images';
import { decodeForModels, type ResizeTarget } from '@tessera/images/decoding';
import {
  float32Output,
  ofRun,
  rowsOf,
  SharedGraph,
  type InferenceRunner,
  type SharedOutputs,
} from '@tessera/inference';
import { RecentValues, type StageClock } from '@tessera/runtime';
import type { CompositionStage } from '../pipeline/composition-model.js';
import type { CompositionImage } from './composition-image.js';
import type { DualEncoderBundle } from './dual-encoder-bundle.js';
import { normalizeRows } from './normalize-rows.js';
import { severalAhead } from './several-ahead.js';

/** Images of one run of the encoder: one of CLIP's large ones takes seconds on a CPU, and a run has a time limit. */
const imagesPerRun = 4;

/** How many images' embeddings are remembered; at 512 dimensions they take 32 MB. */
const rememberedImages = 16_384;

/** An image and the JSON pointer to it in the request, for errors. */
interface PlacedImage {
  readonly image: CompositionImage;
  readonly pointer: string;
}

export interface EmbedOptions {
  /** JSON pointer to an image in the request, for errors. */
  readonly pointerOf: (index: number) => string;
  /** Receives how many images have their embedding. */
  readonly onProgress?: (done: number) => void;
  /** What workers share of the images they have seen. */
  readonly shared?: SharedOutputs | undefined;
}

const embeddingName = ofRun(0, 'image_embeds');

/** Image embeddings of unit length; each image is decoded and encoded once as long as that is remembered or shared. */
export class ImageEmbedder {
  readonly #name: string;
  readonly #settings: DualEncoderSettings;
  readonly #runner: InferenceRunner;
  readonly #limits: ImageLimits;
  readonly #graph: SharedGraph;
  readonly #remembered = new RecentValues<Float32Array>(rememberedImages);

  constructor(bundle: DualEncoderBundle, runner: InferenceRunner, limits: ImageLimits) {
    this.#name = bundle.manifest.name;
    this.#settings = bundle.manifest.settings;
    this.#runner = runner;
    this.#limits = limits;
    const { image_size: size, resize } = bundle.manifest.settings;
    const preparation = `${resize} to ${size} pixels, embedding of unit length`;
    this.#graph = new SharedGraph({ bundle, runner, graph: 'image_encoder', outputs: ['image_embeds'], preparation });
  }

  /**
   * @returns embeddings `[D]` in the images' order
   * @throws TesseraError an image error that names the image, or `TSR_INFERENCE_FAILED`
   * @throws the signal's reason between two batches
   */
  async embed(
    images: readonly CompositionImage[],
    clock: StageClock<CompositionStage>,
    { pointerOf, onProgress = () => undefined, shared }: EmbedOptions,
  ): Promise<Float32Array[]> {
    const embeddings = new Map<string, Float32Array>();
    const missing = new Map<string, PlacedImage>();
    for (const [index, image] of images.entries()) {
      const remembered = this.#remembered.get(image.id);
      if (remembered !== undefined) embeddings.set(image.id, remembered);
      else if (!missing.has(image.id)) missing.set(image.id, { image, pointer: pointerOf(index) });
    }
    if (shared !== undefined && missing.size > 0) {
      const found = await clock.measure('vision', () => this.#findShared([...missing.keys()], shared));
      for (const [id, embedding] of found) {
        missing.delete(id);
        embeddings.set(id, embedding);
        this.#remembered.set(id, embedding);
      }
    }
    const encode = async (batch: readonly PlacedImage[]): Promise<Float32Array[]> => {
      const pixels = await clock.measure('decode', () => this.#decode(batch));
      return await clock.measure('vision', () => this.#encode(pixels, batch.length, clock.signal));
    };
    await severalAhead(inGroups([...missing.values()], imagesPerRun), encode, (batch, rows) => {
      for (const [index, { image }] of batch.entries()) {
        const embedding = rows[index] ?? new Float32Array();
        embeddings.set(image.id, embedding);
        this.#remembered.set(image.id, embedding);
        shared?.store(this.#graph.key(image.id), () => {
          const tensor = { type: 'float32', dims: [1, embedding.length], data: embedding } as const;
          return Promise.resolve({ tensors: { [embeddingName]: tensor } });
        });
      }
      onProgress(embeddings.size);
    });
    return images.map(({ id }) => {
      const embedding = embeddings.get(id);
      if (embedding === undefined) throw new Error(`The image ${id} has no embedding.`);
      return embedding;
    });
  }

  /** The embeddings of other workers, by the images' ids. */
  async #findShared(ids: readonly string[], shared: SharedOutputs): Promise<Map<string, Float32Array>> {
    const found = await Promise.all(
      ids.map((id) => shared.find(this.#graph.key(id), ({ tensors }) => this.#graph.fits(tensors))),
    );
    return new Map(
      ids.flatMap((id, index): [string, Float32Array][] => {
        const tensors = found[index]?.tensors;
        return tensors === undefined ? [] : [[id, float32Output(tensors, embeddingName)]];
      }),
    );
  }

  /** uint8 `[B, S, S, 3]` */
  async #decode(batch: readonly PlacedImage[]): Promise<Uint8Array> {
    const { image_size: size, resize } = this.#settings;
    const target: ResizeTarget = { width: size, height: size, fit: resize === 'crop' ? 'cover' : 'fill' };
    const pixels = new Uint8Array(batch.length * size * size * 3);
    await Promise.all(
      batch.map(async ({ image, pointer }, row) => {
        try {
          const decoded = await decodeForModels(await image.read(), { targets: [target], limits: this.#limits });
          pixels.set(decoded.images[0]?.data ?? [], row * size * size * 3);
        } catch (error) {
          throw imageError(error, pointer);
        }
      }),
    );
    return pixels;
  }

  /** `B` embeddings `[D]` */
  async #encode(pixels: Uint8Array, count: number, signal: AbortSignal | undefined): Promise<Float32Array[]> {
    const { image_size: size, embedding_width: width } = this.#settings;
    const { outputs } = await this.#runner.run({
      bundle: this.#name,
      graph: 'image_encoder',
      feeds: { pixels: { type: 'uint8', dims: [count, size, size, 3], data: pixels } },
      fetch: ['image_embeds'],
      signal,
    });
    const matrix = normalizeRows(float32Output(outputs, 'image_embeds'), width);
    return rowsOf(matrix, count).map((row) => row.slice());
  }
}

/** The error with the place of the image in the request; errors that are not ours stay as they are. */
function imageError(error: unknown, pointer: string): unknown {
  if (!TesseraError.isInstance(error)) return error;
  return new TesseraError(error.code, error.message, {
    cause: error,
    fields: [{ pointer, message: error.message }, ...error.fields],
  });
}

function inGroups<Value>(values: readonly Value[], size: number): Value[][] {
  return Array.from({ length: Math.ceil(values.length / size) }, (_, group) =>
    values.slice(group * size, (group + 1) * size),
  );
}
