import type { PgPool } from 'bullmq';

/**
 * Run once, after BullMQ's migrations, with BullMQ's schema first in the search path. The trigger writes an end in the
 * same statement that ends the job: BullMQ finishes a job by an update of its state, and a withdrawn job is deleted while it is
 * unfinished. Deletions of finished jobs, whose time is over, are no ends.
 */
export const jobEndSchemaSql = `
  CREATE TABLE IF NOT EXISTS tessera.job_end (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue  text   NOT NULL,
    job_id text   NOT NULL
  );
  CREATE TABLE IF NOT EXISTS tessera.end_reader (queue text PRIMARY KEY);
  CREATE OR REPLACE FUNCTION tessera.record_job_end() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    INSERT INTO tessera.job_end (queue, job_id)
    SELECT OLD.queue, OLD.id FROM tessera.end_reader reader WHERE reader.queue = OLD.queue;
    RETURN NULL;
  END $$;
  CREATE OR REPLACE TRIGGER job_finished AFTER UPDATE ON job FOR EACH ROW
    WHEN (OLD.state NOT IN ('completed', 'failed') AND NEW.state IN ('completed', 'failed'))
    EXECUTE FUNCTION tessera.record_job_end();
  CREATE OR REPLACE TRIGGER job_withdrawn AFTER DELETE ON job FOR EACH ROW
    WHEN (OLD.state NOT IN ('completed', 'failed'))
    EXECUTE FUNCTION tessera.record_job_end();`;

/** Row of an end. */
export interface EndRow {
  readonly id: string;
  readonly bullId: string;
}

/** The ends of one queue's jobs that no reader has handled, in an embedded database. */
export class JobEndTable {
  readonly #pool: PgPool;
  readonly #queue: string;

  private constructor(pool: PgPool, queue: string) {
    this.#pool = pool;
    this.#queue = queue;
  }

  /** From now on the ends of this queue's jobs are kept until they are handled, also across restarts. */
  static async open(pool: PgPool, queue: string): Promise<JobEndTable> {
    await pool.query('INSERT INTO tessera.end_reader (queue) VALUES ($1) ON CONFLICT DO NOTHING', [queue]);
    return new JobEndTable(pool, queue);
  }

  /**
   * The oldest ends, at most as many as the limit, in one statement with the removal of others: a statement costs more than
   * what it does.
   *
   * @param handled - ends that are forgotten
   */
  async next(limit: number, handled: readonly EndRow[]): Promise<readonly EndRow[]> {
    const { rows } = await this.#pool.query<EndRow>(
      `WITH handled AS (DELETE FROM tessera.job_end WHERE id = ANY($3::bigint[]))
       SELECT id::text, job_id AS "bullId" FROM tessera.job_end
        WHERE queue = $1 AND NOT id = ANY($3::bigint[]) ORDER BY job_end.id LIMIT $2`,
      [this.#queue, limit, handled.map(({ id }) => id)],
    );
    return rows;
  }
}
