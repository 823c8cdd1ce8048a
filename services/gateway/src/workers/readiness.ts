import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { TesseraError, type ReadyzResponse, type WorkerReport } from '@tessera/contracts';
import type { JobQueue } from '@tessera/queue';
import { settledWithin, withTimeout } from '@tessera/runtime';
import type { FastifyBaseLogger } from 'fastify';
import type { Static } from 'typebox';
import type { WorkerDirectory } from './worker-directory.js';

/** After this time without a finished job, a check of readiness sends a canary. */
const freshMs = 30_000;
/** After this time without a finished job the service is not ready. */
const staleMs = 60_000;
/** How long a check waits for a running canary; probes time out after two seconds. */
const patienceMs = 1_200;
/** After a canary that failed; doubled after each further one. */
const leastPauseMs = 1_000;
const mostPauseMs = 10_000;
const canaryDeadlineMs = 30_000;
const canaryWaitMs = 60_000;

/**
 * Whether jobs go through the whole chain: by the requests of this gateway that succeed, and, when there were none, by
 * canaries that it sends, at most one at a time.
 */
export class Readiness {
  readonly #queue: JobQueue;
  readonly #workers: WorkerDirectory;
  readonly #logger: FastifyBaseLogger;
  readonly #stopping = new AbortController();
  #lastSuccess: Date | undefined;
  #probing: Promise<void> | undefined;

  constructor(queue: JobQueue, workers: WorkerDirectory, logger: FastifyBaseLogger) {
    this.#queue = queue;
    this.#workers = workers;
    this.#logger = logger;
  }

  /** Sends canaries until one succeeds. */
  start(): void {
    void this.#probe();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#probing;
  }

  /** A job went through the whole chain just now. */
  recordSuccess(): void {
    this.#lastSuccess = new Date();
  }

  /** @throws TesseraError `TSR_NOT_READY` with what is missing; answers within two seconds */
  async check(): Promise<Static<typeof ReadyzResponse>> {
    const reports = await this.#reports();
    if (reports.length === 0) throw notReady('No worker reports itself.');
    if (this.#ageMs() > freshMs) await settledWithin(this.#probe(), patienceMs);
    const last = this.#lastSuccess;
    if (last === undefined) throw notReady('No job has gone through the whole chain yet.');
    if (this.#ageMs() > staleMs) throw notReady(`No job has gone through the whole chain since ${last.toISOString()}.`);
    return {
      status: 'ready',
      workers: reports.map(({ id, execution_provider, devices, models }) => ({
        id,
        execution_provider,
        devices,
        models: models.map(({ name }) => name),
      })),
      last_canary_at: last.toISOString(),
    };
  }

  async #reports(): Promise<readonly WorkerReport[]> {
    try {
      return await withTimeout(this.#workers.list(), patienceMs / 2, () => notReady('The queue does not answer.'));
    } catch (error) {
      if (TesseraError.isInstance(error) && error.code === 'TSR_NOT_READY') throw error;
      throw notReady('The queue cannot be reached.', error);
    }
  }

  #ageMs(): number {
    return this.#lastSuccess === undefined ? Infinity : Date.now() - this.#lastSuccess.getTime();
  }

  #probe(): Promise<void> {
    this.#probing ??= this.#sendCanaries().finally(() => {
      this.#probing = undefined;
    });
    return this.#probing;
  }

  async #sendCanaries(): Promise<void> {
    const askedAt = Date.now();
    for (let pauseMs = leastPauseMs; !this.#isAnswered(askedAt); pauseMs = Math.min(2 * pauseMs, mostPauseMs)) {
      try {
        if (await this.#canarySucceeds()) {
          this.recordSuccess();
          return;
        }
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        this.#logger.warn({ err: error }, 'a canary could not be sent');
      }
      await delay(pauseMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
    }
  }

  #isAnswered(askedAt: number): boolean {
    return this.#stopping.signal.aborted || (this.#lastSuccess?.getTime() ?? 0) >= askedAt;
  }

  /** Sends one canary, which expires when it cannot start in time. */
  async #canarySucceeds(): Promise<boolean> {
    const id = randomUUID();
    await this.#queue.add({ kind: 'canary' }, { id, priority: 'high', deadlineMs: canaryDeadlineMs });
    const job = await this.#queue.waitFor(id, { timeoutMs: canaryWaitMs, signal: this.#stopping.signal });
    if (job?.status === 'succeeded') return true;
    this.#logger.warn({ job: id, status: job?.status, code: job?.error?.code }, 'a canary did not come through');
    return false;
  }
}

function notReady(detail: string, cause?: unknown): TesseraError {
  return new TesseraError('TSR_NOT_READY', detail, { cause });
}
