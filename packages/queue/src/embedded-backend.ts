import { TesseraError } from '@tessera/contracts';
import { RecentValues } from '@tessera/runtime';
import { createPostgresBackend, withBackend, type QueueOptions, type WorkerOptions } from 'bullmq';
import { acquireEmbeddedDatabase, type EmbeddedDatabase } from './embedded-database.js';
import type { JobCounts } from './job-queue.js';
import type { BullJob, JobRecord, Withdrawal } from './job-record.js';
import { EmbeddedEnds } from './embedded-ends.js';
import type {
  BullProcessor,
  BullQueue,
  BullWorker,
  EndHandler,
  EndReader,
  JobListener,
  QueueBackend,
} from './queue-backend.js';

/** Finished jobs in memory: the ends of more of them are seldom read together. */
const rememberedJobs = 64;

const postgres = withBackend(createPostgresBackend);

export interface EmbeddedBackendOptions {
  readonly name: string;
  readonly directory: string;
  readonly onError: (error: Error) => void;
}

/** A queue in a PostgreSQL inside this process, kept under a directory. */
export class EmbeddedBackend implements QueueBackend {
  readonly #name: string;
  readonly #database: EmbeddedDatabase;
  readonly #onError: (error: Error) => void;
  /** Those that finished last here, for the reader of ends. */
  readonly #finished = new RecentValues<BullJob>(rememberedJobs);
  readonly close: () => Promise<void>;

  private constructor(
    { name, onError }: EmbeddedBackendOptions,
    database: EmbeddedDatabase,
    close: () => Promise<void>,
  ) {
    this.#name = name;
    this.#onError = onError;
    this.#database = database;
    this.close = close;
  }

  static async open(options: EmbeddedBackendOptions): Promise<EmbeddedBackend> {
    const { database, release } = await acquireEmbeddedDatabase(options.directory);
    return new EmbeddedBackend(options, database, release);
  }

  openQueue(options: Omit<QueueOptions, 'connection'>): BullQueue {
    return new postgres.Queue<JobRecord, string>(this.#name, { ...options, connection: this.#database.pool });
  }

  openWorker(processor: BullProcessor, options: Omit<WorkerOptions, 'connection'>): BullWorker {
    const worker = new postgres.Worker<JobRecord, string>(this.#name, processor, {
      ...options,
      connection: this.#database.pool,
    });
    worker.on('completed', (job) => {
      if (job.id === undefined) return;
      this.#finished.set(job.id, job);
      this.#announce(job.id, job.returnvalue);
    });
    // The attempt has failed; the job may be tried again.
    worker.on('failed', (job) => {
      if (job?.id !== undefined) this.#announce(job.id, null);
    });
    for (const event of ['active', 'progress'] as const) {
      worker.on(event, ({ id }: { readonly id?: string | undefined }) => {
        if (id !== undefined) this.#database.events.emit('moved', this.#name, id);
      });
    }
    return worker;
  }

  /** All workers are in this process: their own events need not be read from the database. */
  watch(listener: JobListener): { close(): Promise<void> } {
    const { events } = this.#database;
    const finished = (queue: string, ...notice: Parameters<JobListener['finished']>) => {
      if (queue === this.#name) listener.finished(...notice);
    };
    const moved = (queue: string, bullId: string) => {
      if (queue === this.#name) listener.moved(bullId);
    };
    events.on('finished', finished).on('moved', moved);
    return {
      close: () => {
        events.off('finished', finished).off('moved', moved);
        return Promise.resolve();
      },
    };
  }

  announceWithdrawn(bullId: string): Promise<void> {
    this.#announce(bullId, null);
    return Promise.resolve();
  }

  /** BullMQ's own count reads every finished job too; these three queries use an index each. */
  async counts(): Promise<JobCounts> {
    const { rows } = await this.#database.pool.query<JobCounts>(
      `SELECT (SELECT count(*) FROM job WHERE queue = $1 AND state = 'waiting')::int
            + (SELECT count(*) FROM job WHERE queue = $1 AND state = 'delayed')::int AS queued,
              (SELECT count(*) FROM job WHERE queue = $1 AND state = 'active')::int AS running`,
      [this.#name],
    );
    return rows[0] ?? { queued: 0, running: 0 };
  }

  async waiting(priority: number): Promise<{ count: number; oldestAt: number | null }> {
    const { rows } = await this.#database.pool.query<{ count: number; oldestAt: string | null }>(
      `SELECT count(*)::int AS count, min(added_at_ms)::text AS "oldestAt"
         FROM job WHERE queue = $1 AND state = 'waiting' AND priority = $2`,
      [this.#name, priority],
    );
    const { count, oldestAt } = rows[0] ?? { count: 0, oldestAt: null };
    return { count, oldestAt: oldestAt === null ? null : Number(oldestAt) };
  }

  async jobsAhead(bullId: string): Promise<number> {
    const { rows } = await this.#database.pool.query<{ ahead: number }>(
      `SELECT count(*)::int AS ahead
         FROM job self
         JOIN job other ON other.queue = self.queue AND other.state = 'waiting'
        WHERE self.queue = $1 AND self.id = $2 AND self.state = 'waiting'
          AND (other.priority, other.seq) < (self.priority, self.seq)`,
      [this.#name, bullId],
    );
    return rows[0]?.ahead ?? 0;
  }

  saveWithdrawal(id: string, withdrawal: Withdrawal, ttlMs: number): Promise<void> {
    return this.#database.withdrawals.save(this.#name, id, withdrawal, ttlMs);
  }

  findWithdrawals(ids: readonly string[]): Promise<(Withdrawal | null)[]> {
    return this.#database.withdrawals.find(this.#name, ids);
  }

  readEnds(handle: EndHandler): EndReader {
    return new EmbeddedEnds(
      this.#database.pool,
      this.#name,
      handle,
      this.#onError,
      (id) => this.#finished.get(id),
      (onEnd) => {
        const watching = this.watch({ finished: onEnd, moved: () => undefined });
        return () => void watching.close();
      },
    );
  }

  /** The job's own row has it. */
  saveDeadline(): Promise<void> {
    return Promise.resolve();
  }

  async findOverdue(): Promise<readonly string[]> {
    const { rows } = await this.#database.pool.query<{ id: string }>(
      `SELECT id FROM job WHERE queue = $1 AND state IN ('waiting', 'delayed') AND (data->>'deadlineAt')::bigint <= $2`,
      [this.#name, Date.now()],
    );
    return rows.map(({ id }) => id);
  }

  /** A job that has ended or started is not waiting any more. */
  forgetDeadlines(): Promise<void> {
    return Promise.resolve();
  }

  async run<Result>(operation: () => Promise<Result>): Promise<Result> {
    try {
      return await operation();
    } catch (error) {
      if (TesseraError.isInstance(error)) throw error;
      throw new TesseraError('TSR_QUEUE_UNAVAILABLE', 'The embedded queue has failed.', { cause: error });
    }
  }

  #announce(...notice: Parameters<JobListener['finished']>): void {
    this.#database.events.emit('finished', this.#name, ...notice);
  }
}
