import { EventEmitter } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PGlite } from '@electric-sql/pglite';
import type { PgNotification, PgPool, PgPoolClient, PgQueryResult } from 'bullmq';
import { PreparedStatements } from './prepared-statements.js';

/**
 * The part of a `pg.Pool` that BullMQ uses, over the one session of an in-process PGlite. Transactions of several clients
 * would interleave, but BullMQ opens them only for its migrations; each of its operations is a single statement.
 */
export class PglitePool extends EventEmitter implements PgPool {
  readonly #database: PGlite;
  readonly #statements: PreparedStatements;
  readonly #clients = new Set<PgliteClient>();
  readonly #pending = new Map<string, PgNotification>();

  constructor(database: PGlite) {
    super();
    this.#database = database;
    this.#statements = new PreparedStatements(database);
    this.setMaxListeners(0);
    database.onNotification((channel, payload) => {
      this.#enqueue({ channel, payload });
    });
  }

  async query<Row>(text: string, parameters?: readonly unknown[]): Promise<PgQueryResult<Row>> {
    // Statements run on this thread; a turn of the event loop between them lets other work run.
    await nextTurn();
    if (parameters === undefined) {
      const results = await this.#database.exec(text);
      return { rows: (results.at(-1)?.rows ?? []) as Row[] };
    }
    const { rows, affectedRows } = await this.#statements.query(text, parameters);
    return { rows: rows as Row[], rowCount: affectedRows ?? rows.length };
  }

  connect(): Promise<PgPoolClient> {
    const client = new PgliteClient(this, () => this.#clients.delete(client));
    this.#clients.add(client);
    return Promise.resolve(client);
  }

  /**
   * Every client gets the notifications of every channel; BullMQ's listeners filter them. Equal notifications that
   * come together are delivered once: each only means that there is something to read.
   */
  #enqueue(notification: PgNotification): void {
    if (this.#pending.size === 0) {
      setImmediate(() => {
        this.#deliver();
      });
    }
    this.#pending.set(keyOf(notification), notification);
  }

  #deliver(): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const notification of pending) for (const client of this.#clients) client.notify(notification);
  }

  /** The database is closed by its owner. */
  end(): Promise<void> {
    return Promise.resolve();
  }
}

/**
 * BullMQ reads, finds no job, and only then listens: a notification in between would be lost, and the next read is
 * seconds away. So a client keeps notifications that came without a listener for the next listener.
 */
class PgliteClient extends EventEmitter implements PgPoolClient {
  readonly #pool: PglitePool;
  readonly #undelivered = new Map<string, PgNotification>();
  readonly release: () => void;

  constructor(pool: PglitePool, release: () => void) {
    super();
    this.setMaxListeners(0);
    this.#pool = pool;
    this.release = release;
    this.on('newListener', (event) => {
      // The listener is added right after this event.
      if (event === 'notification') {
        queueMicrotask(() => {
          this.#catchUp();
        });
      }
    });
  }

  notify(notification: PgNotification): void {
    if (this.emit('notification', notification)) return;
    this.#undelivered.set(keyOf(notification), notification);
  }

  query<Row>(text: string, parameters?: readonly unknown[]): Promise<PgQueryResult<Row>> {
    return this.#pool.query(text, parameters);
  }

  #catchUp(): void {
    const unheard = [...this.#undelivered.values()];
    this.#undelivered.clear();
    for (const notification of unheard) this.notify(notification);
  }
}

function keyOf({ channel, payload }: PgNotification): string {
  return `${channel} ${payload ?? ''}`;
}
