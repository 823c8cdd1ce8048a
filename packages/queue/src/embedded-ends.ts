import { setTimeout as delay } from 'node:timers/promises';
import { settledWithin } from '@tessera/runtime';
import type { PgPool } from 'bullmq';
import { JobEndTable, type EndRow } from './job-end-table.js';
import type { BullJob } from './job-record.js';
import { gatherMs, retryPauseMs, type EndHandler, type EndReader } from './queue-backend.js';

/** Ends that are handled together. */
const batchSize = 200;
/** Longest time until an end is found whose event was lost. */
const pollMs = 5_000;

/** Hands the ends of an embedded queue to a handler, and forgets each once it has been handled and the next ones are read. */
export class EmbeddedEnds implements EndReader {
  readonly #handle: EndHandler;
  readonly #onError: (error: Error) => void;
  readonly #finished: Promise<void>;
  readonly #unsubscribe: () => void;
  readonly #finishedJob: (bullId: string) => BullJob | undefined;
  /** Ends that were handled and are forgotten with the next read. */
  #handled: readonly EndRow[] = [];
  #isClosed = false;
  #isRung = false;
  #wake: () => void = () => {};

  /**
   * @param finishedJob - the job of an end, where it is at hand
   * @param subscribe - calls back after every end; gives the function that stops it
   */
  constructor(
    pool: PgPool,
    queue: string,
    handle: EndHandler,
    onError: (error: Error) => void,
    finishedJob: (bullId: string) => BullJob | undefined,
    subscribe: (onEnd: () => void) => () => void,
  ) {
    this.#handle = handle;
    this.#onError = onError;
    this.#finishedJob = finishedJob;
    this.#unsubscribe = subscribe(() => {
      this.#ring();
    });
    this.#finished = this.#run(pool, queue);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#unsubscribe();
    this.#ring();
    await this.#finished;
  }

  async #run(pool: PgPool, queue: string): Promise<void> {
    let table: JobEndTable | undefined;
    while (!this.#isClosed) {
      try {
        table ??= await JobEndTable.open(pool, queue);
        const isLast = await this.#handleBatch(table);
        if (!isLast) continue;
        await this.#pause(pollMs);
        await delay(gatherMs);
      } catch (error) {
        this.#onError(error as Error);
        this.#isRung = false;
        await this.#pause(retryPauseMs);
      }
    }
    await table?.next(0, this.#handled).catch(this.#onError);
  }

  /** @returns whether there was no more to read */
  async #handleBatch(table: JobEndTable): Promise<boolean> {
    const rows = await table.next(batchSize, this.#handled);
    this.#handled = [];
    if (rows.length > 0) {
      await this.#handle(rows.map(({ bullId }) => ({ bullId, job: this.#finishedJob(bullId) })));
      this.#handled = rows;
    }
    return rows.length < batchSize;
  }

  #ring(): void {
    this.#isRung = true;
    this.#wake();
  }

  /** Ends early when it is rung, or was since the last pause. */
  async #pause(milliseconds: number): Promise<void> {
    if (!this.#isRung) {
      await settledWithin(
        new Promise<void>((resolve) => {
          this.#wake = resolve;
        }),
        milliseconds,
      );
    }
    this.#isRung = false;
  }
}
