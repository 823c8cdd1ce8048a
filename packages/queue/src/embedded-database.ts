import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { runMigrations } from 'bullmq';
import { DirectoryLock } from './directory-lock.js';
import { PglitePool } from './pglite-pool.js';

const maintenanceIntervalMs = 60_000;
const bullSchema = 'bullmq';

/** Our own tables beside BullMQ's. */
const schemaSql = `
  CREATE SCHEMA IF NOT EXISTS tessera;
  CREATE TABLE IF NOT EXISTS tessera.withdrawal (
    queue         text   NOT NULL,
    id            text   NOT NULL,
    record        jsonb  NOT NULL,
    expires_at_ms bigint NOT NULL,
    PRIMARY KEY (queue, id)
  );`;

/**
 * One process uses the database, so jobs found active when it opens belong to a dead one. Their locks are voided and
 * BullMQ's own check for stalled jobs, which runs when a worker starts, gives them out again at once.
 */
const voidLocksSql = `
  UPDATE job SET locked_until_ms = 0, stalled_marked = true WHERE state = 'active';
  DELETE FROM meta WHERE field = 'stalled-check';`;

/** From the start: what happens before the first listener is then kept for it by the pool. */
const listenSql = 'LISTEN bullmq_jobs; LISTEN bullmq_events;';

/** What the background processes of a PostgreSQL server would do; PGlite has none. */
const maintenanceSql = [
  'DELETE FROM tessera.withdrawal WHERE expires_at_ms < extract(epoch FROM clock_timestamp()) * 1000',
  'VACUUM job, event, meta, tessera.withdrawal',
  'CHECKPOINT',
];

/**
 * An in-process PostgreSQL under a directory. Committed data survives the death of the process; as PGlite does not
 * sync its files, it may not survive the loss of power.
 */
export class EmbeddedDatabase {
  readonly pool: PglitePool;
  readonly #database: PGlite;
  readonly #lock: DirectoryLock;
  readonly #maintenance: NodeJS.Timeout;

  private constructor(database: PGlite, lock: DirectoryLock, pool: PglitePool) {
    this.#database = database;
    this.#lock = lock;
    this.pool = pool;
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
      const { database, pool } = await openPglite(directory);
      return new EmbeddedDatabase(database, lock, pool);
    } catch (error) {
      await lock.release();
      throw new Error(`The embedded queue in ${directory} cannot be opened`, { cause: error });
    }
  }

  /** Forgets expired withdrawals, reclaims the space of old rows, and keeps the log short that a restart reads. */
  async maintain(): Promise<void> {
    for (const statement of maintenanceSql) await this.#database.query(statement);
  }

  async close(): Promise<void> {
    clearInterval(this.#maintenance);
    await this.#database.close();
    await this.#lock.release();
  }
}

async function openPglite(directory: string): Promise<{ database: PGlite; pool: PglitePool }> {
  const dataDirectory = join(directory, 'postgres');
  const initialised = join(directory, 'initialised');
  // Without the mark, the process died while it created the database: nothing was ever accepted into it.
  if (!(await exists(initialised))) await rm(dataDirectory, { recursive: true, force: true });

  const database = await PGlite.create(dataDirectory);
  try {
    const pool = new PglitePool(database);
    const client = await pool.connect();
    await runMigrations(client, bullSchema);
    client.release();
    await database.exec(`SET search_path TO ${bullSchema}; ${schemaSql} ${voidLocksSql} ${listenSql}`);
    await writeFile(initialised, '');
    return { database, pool };
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
