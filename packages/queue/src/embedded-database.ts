import { EventEmitter } from 'node:events';
import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { PGlite } from '@electric-sql/pglite';
import { runMigrations } from 'bullmq';
import { DirectoryLock } from './directory-lock.js';
import { jobEndSchemaSql } from './job-end-table.js';
import { PglitePool } from './pglite-pool.js';
import type { JobListener } from './queue-backend.js';
import { WithdrawalTable, withdrawalSchemaSql } from './withdrawal-table.js';

/**
 * V8 compiles a function of WebAssembly once more, optimized, when so many bytes of it have run. By default (1.8 MB) the
 * opening of a database has most of PostgreSQL optimized, which takes a second of both cores while models load.
 */
const optimizedAfterBytes = 50_000_000;
setFlagsFromString(`--wasm-tiering-budget=${optimizedAfterBytes}`);

const maintenanceIntervalMs = 60_000;
const bullSchema = 'bullmq';

/**
 * One process uses the database, so jobs found active when it opens belong to a dead one. Their locks are voided and
 * BullMQ's own check for stalled jobs, which runs when a worker starts, gives them out again at once.
 */
const voidLocksSql = `
  UPDATE job SET locked_until_ms = 0, stalled_marked = true WHERE state = 'active';
  DELETE FROM meta WHERE field = 'stalled-check';`;

/** Sent at the start: the pool keeps what is notified before the first listener is there. */
const listenSql = 'LISTEN bullmq_jobs;';

/** What the background processes of a PostgreSQL server would do; PGlite has none. */
const maintenanceSql = ['VACUUM job, event, meta, tessera.withdrawal, tessera.job_end', 'CHECKPOINT'];

interface EmbeddedEvents {
  /** The job, or an attempt at it, has finished. */
  finished: [queue: string, ...Parameters<JobListener['finished']>];
  moved: [queue: string, ...Parameters<JobListener['moved']>];
}

/**
 * An in-process PostgreSQL under a directory. Committed data survives the death of the process; as PGlite does not
 * sync its files, it may not survive the loss of power.
 */
export class EmbeddedDatabase {
  readonly pool: PglitePool;
  readonly withdrawals: WithdrawalTable;
  /** Events of the workers of this process. */
  readonly events = new EventEmitter<EmbeddedEvents>().setMaxListeners(0);
  readonly #database: PGlite;
  readonly #lock: DirectoryLock;
  readonly #maintenance: NodeJS.Timeout;

  private constructor(lock: DirectoryLock, { database, pool, withdrawals }: OpenDatabase) {
    this.#database = database;
    this.#lock = lock;
    this.pool = pool;
    this.withdrawals = withdrawals;
    this.#maintenance = setInterval(() => {
      this.maintain().catch((error: unknown) => pool.emit('error', error));
    }, maintenanceIntervalMs);
    this.#maintenance.unref();
  }

  /** @throws DirectoryLockedError when another process has it open */
  static async open(directory: string): Promise<EmbeddedDatabase> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const lock = await DirectoryLock.acquire(directory);
    try {
      return new EmbeddedDatabase(lock, await openPglite(directory));
    } catch (error) {
      await lock.release();
      throw new Error(`The embedded queue in ${directory} cannot be opened`, { cause: error });
    }
  }

  /** Removes expired withdrawals, reclaims the space of old rows, and shortens the log that a restart reads. */
  async maintain(): Promise<void> {
    await this.withdrawals.forgetExpired();
    for (const statement of maintenanceSql) await this.#database.query(statement);
  }

  async close(): Promise<void> {
    clearInterval(this.#maintenance);
    await this.#database.close();
    await this.#lock.release();
  }
}

interface OpenDatabase {
  readonly database: PGlite;
  readonly pool: PglitePool;
  readonly withdrawals: WithdrawalTable;
}

async function openPglite(directory: string): Promise<OpenDatabase> {
  const dataDirectory = join(directory, 'postgres');
  const initialised = join(directory, 'initialised');
  // Without the mark, the process died while it created the database, which then holds no accepted job.
  if (!(await exists(initialised))) await rm(dataDirectory, { recursive: true, force: true });

  const database = await PGlite.create(dataDirectory);
  try {
    const pool = new PglitePool(database);
    const client = await pool.connect();
    await runMigrations(client, bullSchema);
    client.release();
    await database.exec(
      `SET search_path TO ${bullSchema}; ${withdrawalSchemaSql} ${jobEndSchemaSql} ${voidLocksSql} ${listenSql}`,
    );
    const withdrawals = await WithdrawalTable.open(pool);
    await writeFile(initialised, '');
    return { database, pool, withdrawals };
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

interface Shared {
  readonly database: Promise<EmbeddedDatabase>;
  users: number;
}

const shared = new Map<string, Shared>();

/** The database of a directory, opened by its first user in this process and closed by its last. */
export async function acquireEmbeddedDatabase(
  directory: string,
): Promise<{ database: EmbeddedDatabase; release: () => Promise<void> }> {
  const path = resolve(directory);
  const entry = shared.get(path) ?? { database: EmbeddedDatabase.open(path), users: 0 };
  shared.set(path, entry);
  entry.users++;
  const leave = () => {
    entry.users--;
    if (entry.users === 0 && shared.get(path) === entry) shared.delete(path);
  };
  try {
    const database = await entry.database;
    return {
      database,
      release: async () => {
        leave();
        if (entry.users === 0) await database.close();
      },
    };
  } catch (error) {
    leave();
    throw error;
  }
}
