import type { PgPool } from 'bullmq';
import type { Withdrawal } from './job-record.js';

/** Run once before the table is opened. */
export const withdrawalSchemaSql = `
  CREATE SCHEMA IF NOT EXISTS tessera;
  CREATE TABLE IF NOT EXISTS tessera.withdrawal (
    queue         text   NOT NULL,
    id            text   NOT NULL,
    record        jsonb  NOT NULL,
    expires_at_ms bigint NOT NULL,
    PRIMARY KEY (queue, id)
  );`;

interface Key {
  readonly queue: string;
  readonly id: string;
}

/**
 * The withdrawals of an embedded database. The ids of the jobs that have one are kept in memory too, as every running job is
 * looked up here several times a second and almost none has one.
 */
export class WithdrawalTable {
  readonly #pool: PgPool;
  readonly #known: Set<string>;

  private constructor(pool: PgPool, known: Set<string>) {
    this.#pool = pool;
    this.#known = known;
  }

  static async open(pool: PgPool): Promise<WithdrawalTable> {
    const { rows } = await pool.query<Key>('SELECT queue, id FROM tessera.withdrawal', []);
    return new WithdrawalTable(pool, new Set(rows.map(textOf)));
  }

  async save(queue: string, id: string, withdrawal: Withdrawal, ttlMs: number): Promise<void> {
    const now = Date.now();
    await this.#pool.query(
      `INSERT INTO tessera.withdrawal AS earlier (queue, id, record, expires_at_ms) VALUES ($1, $2, $3::jsonb, $4)
       ON CONFLICT (queue, id) DO UPDATE SET record = excluded.record, expires_at_ms = excluded.expires_at_ms
       WHERE earlier.expires_at_ms <= $5
         OR (excluded.record->>'code' = 'TSR_JOB_CANCELLED' AND earlier.record->>'code' <> 'TSR_JOB_CANCELLED')`,
      [queue, id, JSON.stringify(withdrawal), now + ttlMs, now],
    );
    this.#known.add(textOf({ queue, id }));
  }

  /** The withdrawals of these ids, in the same order; null where there is none. */
  async find(queue: string, ids: readonly string[]): Promise<(Withdrawal | null)[]> {
    const candidates = ids.filter((id) => this.#known.has(textOf({ queue, id })));
    if (candidates.length === 0) return ids.map(() => null);
    const { rows } = await this.#pool.query<{ id: string; record: Withdrawal }>(
      'SELECT id, record FROM tessera.withdrawal WHERE queue = $1 AND id = ANY($2::text[]) AND expires_at_ms > $3',
      [queue, candidates, Date.now()],
    );
    const records = new Map(rows.map(({ id, record }) => [id, record]));
    return ids.map((id) => records.get(id) ?? null);
  }

  async forgetExpired(): Promise<void> {
    const { rows } = await this.#pool.query<Key>(
      'DELETE FROM tessera.withdrawal WHERE expires_at_ms < $1 RETURNING queue, id',
      [Date.now()],
    );
    for (const key of rows) this.#known.delete(textOf(key));
  }
}

/** Neither part has a space in it. */
function textOf({ queue, id }: Key): string {
  return `${queue} ${id}`;
}
