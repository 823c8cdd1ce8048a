import { setTimeout as delay } from 'node:timers/promises';
import type { BlobCache } from '@tessera/blob-store';
import type { ImageOutputs, SharedOutputs } from '@tessera/inference';
import { settledWithin } from '@tessera/runtime';
import type { Logger } from 'pino';
import { decodeOutputs, encodeOutputs } from './image-outputs-file.js';
import type { CacheLookup, CacheWrite, WorkerMetrics } from './worker-metrics.js';

/** A lookup that takes longer counts as a miss: computing is sure to end. */
const lookupTimeoutMs = 250;
/** Most outputs that wait to be stored; what a request found beyond them is dropped. Embeddings wait in the inference process. */
const mostWaiting = 256;
/** How long writing waits for the answer to be on its way. */
const settlingMs = 50;
/** How long closing may take to store what waits. */
const closingMs = 2_000;
const trimIntervalMs = 15_000;

interface WaitingOutputs {
  readonly key: string;
  readonly collect: () => Promise<ImageOutputs | undefined>;
}

type CacheTimes = Partial<Record<'lookupTimeoutMs' | 'settlingMs' | 'closingMs', number>>;

/** What one request takes from the cache and gives to it. */
export interface RequestOutputs extends SharedOutputs {
  /** The request has been answered: what it gave may be stored. */
  release(): void;
}

/**
 * Outputs of graphs that workers share. Reading has a time limit; writing comes after the answers, one after the other. A
 * cache that fails, or holds nonsense, costs the time of computing, never an answer.
 */
export class EmbeddingCache {
  readonly #blobs: BlobCache;
  readonly #metrics: WorkerMetrics;
  readonly #log: Logger;
  readonly #times: Required<CacheTimes>;
  readonly #trimTimer: NodeJS.Timeout;
  readonly #closing = new AbortController();
  #waiting: WaitingOutputs[] = [];
  #writing: Promise<void> | undefined;

  /** @param blobs - closed with the cache */
  constructor(blobs: BlobCache, metrics: WorkerMetrics, log: Logger, times: CacheTimes = {}) {
    this.#blobs = blobs;
    this.#metrics = metrics;
    this.#log = log;
    this.#times = { lookupTimeoutMs, settlingMs, closingMs, ...times };
    this.#trimTimer = setInterval(() => void this.#trim(), trimIntervalMs);
    this.#trimTimer.unref();
    void this.#trim();
  }

  forRequest(): RequestOutputs {
    const found: WaitingOutputs[] = [];
    return {
      find: (key, fits) => this.#find(key, fits),
      store: (key, collect) => {
        found.push({ key, collect });
      },
      release: () => {
        this.#enqueue(found.splice(0));
      },
    };
  }

  /** Stores what waits, within a moment, and ends. */
  async close(): Promise<void> {
    this.#closing.abort();
    clearInterval(this.#trimTimer);
    await settledWithin(this.#writing ?? Promise.resolve(), this.#times.closingMs);
    this.#waiting = [];
    await this.#blobs.close();
  }

  async #find(key: string, fits: (outputs: ImageOutputs) => boolean): Promise<ImageOutputs | undefined> {
    const [outcome, outputs] = await this.#lookUp(key, fits).catch((error: unknown): [CacheLookup] => {
      this.#log.warn({ err: error }, 'the embedding cache could not be read');
      return ['failed'];
    });
    this.#metrics.observeCacheLookup(outcome);
    return outputs;
  }

  async #lookUp(
    key: string,
    fits: (outputs: ImageOutputs) => boolean,
  ): Promise<[outcome: CacheLookup, outputs?: ImageOutputs]> {
    const bytes = await settledWithin(this.#blobs.get(key), this.#times.lookupTimeoutMs);
    if (bytes === undefined) return ['late'];
    if (bytes === null) return ['miss'];
    const outputs = decodeOutputs(bytes);
    return outputs !== undefined && fits(outputs) ? ['hit', outputs] : ['invalid'];
  }

  #enqueue(found: readonly WaitingOutputs[]): void {
    const room = mostWaiting - this.#waiting.length;
    this.#waiting.push(...found.slice(0, room));
    for (let dropped = found.length - room; dropped > 0; dropped--) this.#metrics.observeCacheWrite('dropped');
    if (this.#waiting.length > 0) this.#writing ??= this.#writeWaiting();
  }

  async #writeWaiting(): Promise<void> {
    await this.#pause(this.#times.settlingMs);
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const startedAt = performance.now();
      this.#metrics.observeCacheWrite(await this.#write(next));
      // Writing takes at most half of the time, however much there is.
      if (this.#waiting.length > 0) await this.#pause(performance.now() - startedAt);
    }
    this.#writing = undefined;
  }

  async #write({ key, collect }: WaitingOutputs): Promise<CacheWrite> {
    try {
      const outputs = await collect();
      if (outputs === undefined) return 'gone';
      this.#metrics.observeCache(await this.#blobs.put(key, encodeOutputs(outputs)));
      return 'stored';
    } catch (error) {
      this.#log.warn({ err: error }, 'the embedding cache could not be written');
      return 'failed';
    }
  }

  /** Until the time is over, or the cache is to close. */
  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#closing.signal }).catch(() => undefined);
  }

  async #trim(): Promise<void> {
    try {
      this.#metrics.observeCache(await this.#blobs.trim());
    } catch (error) {
      this.#log.warn({ err: error }, 'the embedding cache could not be trimmed');
    }
  }
}
