import { type BlobStore, workerKeyPrefix } from '@tessera/blob-store';
import { parseMatching, WorkerReport, type ModelDescription } from '@tessera/contracts';

/** How long the reports are cached; shorter than a worker's heartbeat. */
const freshMs = 1_000;
/** How long a model counts as served after a worker's report of it was read. */
const servedMs = 10_000;

/** The workers that are alive, by the reports that they keep in the blob store. */
export class WorkerDirectory {
  readonly #blobs: BlobStore;
  #reading: Promise<readonly WorkerReport[]> | undefined;
  #readAt = 0;
  #lastRead: readonly WorkerReport[] = [];
  #lastReadAt = -Infinity;

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
      reading.then(
        (reports) => {
          this.#lastRead = reports;
          this.#lastReadAt = now;
        },
        () => {
          if (this.#reading === reading) this.#reading = undefined;
        },
      );
    }
    return this.#reading;
  }

  /** Whether a worker reported the model in the last seconds. Nothing is read for it: most requests are for the same models. */
  hasServed(name: string, task: ModelDescription['task']): boolean {
    if (performance.now() - this.#lastReadAt > servedMs) return false;
    return this.#lastRead.some(({ models }) => models.some((model) => model.name === name && model.task === task));
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
