import { type BlobStore, workerKeyPrefix } from '@tessera/blob-store';
import { parseMatching, WorkerReport, type ModelDescription } from '@tessera/contracts';

/** How long the reports are cached; shorter than a worker's heartbeat. */
const freshMs = 1_000;

/** The workers that are alive, by the reports that they keep in the blob store. */
export class WorkerDirectory {
  readonly #blobs: BlobStore;
  #reading: Promise<readonly WorkerReport[]> | undefined;
  #readAt = 0;

  constructor(blobs: BlobStore) {
    this.#blobs = blobs;
  }

  /**
   * The reports of all live workers, at most one second old.
   *
   * @throws TesseraError `TSR_QUEUE_UNAVAILABLE` when the blob store cannot be reached
   */
  list(): Promise<readonly WorkerReport[]> {
    const now = performance.now();
    if (this.#reading === undefined || now - this.#readAt > freshMs) {
      const reading = this.#read();
      this.#reading = reading;
      this.#readAt = now;
      reading.catch(() => {
        if (this.#reading === reading) this.#reading = undefined;
      });
    }
    return this.#reading;
  }

  /** Every served model once, by name; the default one is the default of any worker. */
  async models(): Promise<ModelDescription[]> {
    const byName = new Map<string, ModelDescription>();
    for (const report of await this.list()) {
      for (const model of report.models) {
        const known = byName.get(model.name);
        byName.set(model.name, { ...model, default: model.default || known?.default === true });
      }
    }
    return [...byName.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
  }

  async #read(): Promise<readonly WorkerReport[]> {
    const keys = await this.#blobs.list(workerKeyPrefix);
    const blobs = await Promise.all(keys.map((key) => this.#blobs.get(key)));
    return blobs.flatMap((bytes) => {
      try {
        return bytes === null ? [] : [parseMatching(WorkerReport, bytes, 'The report of a worker')];
      } catch {
        // A worker of a version whose reports cannot be read is not known here.
        return [];
      }
    });
  }
}
