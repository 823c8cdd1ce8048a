import { deleteTrainingImages, putTrainingExamples, putTrainingImage, type BlobExpiry } from '@tessera/blob-store';
import { TesseraError, type StoredExample } from '@tessera/contracts';
import type { GatewayContext } from '../context.js';
import { checkImage } from './store-image.js';

/** Stores the images and the examples of a training. */
export class TrainingSet {
  readonly #jobId: string;
  readonly #context: GatewayContext;
  readonly #expiry: BlobExpiry;
  readonly #imageIds = new Set<string>();

  constructor(jobId: string, context: GatewayContext) {
    this.#jobId = jobId;
    this.#context = context;
    this.#expiry = { ttlMs: context.config.TESSERA_TRAINING_TTL_S * 1000 };
  }

  /**
   * Stores an image and gives its id.
   *
   * @throws TesseraError as `inspectImage`
   */
  async addImage(bytes: Uint8Array): Promise<string> {
    checkImage(bytes, this.#context);
    const id = await putTrainingImage(this.#context.blobs, this.#jobId, bytes, this.#expiry);
    this.#imageIds.add(id);
    return id;
  }

  /**
   * Stores the examples, after which the training can be queued. Images without an example are removed.
   *
   * @throws TesseraError `TSR_TRAINING_SET_INVALID` when there are no examples to learn from
   */
  async complete(examples: readonly StoredExample[]): Promise<void> {
    if (!examples.some(({ set }) => set === 'train')) {
      throw new TesseraError('TSR_TRAINING_SET_INVALID', 'None of the examples is in the set "train".');
    }
    const used = new Set(examples.map(({ image }) => image));
    const unused = [...this.#imageIds].filter((id) => !used.has(id));
    await deleteTrainingImages(this.#context.blobs, this.#jobId, unused);
    await putTrainingExamples(this.#context.blobs, this.#jobId, examples, this.#expiry);
  }

  /** Removes every image that was stored. */
  async discard(): Promise<void> {
    await deleteTrainingImages(this.#context.blobs, this.#jobId, this.#imageIds);
  }
}
