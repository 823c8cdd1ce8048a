import { parse, protocol, type PGlite, type Results } from '@electric-sql/pglite';

type Messages = Awaited<ReturnType<PGlite['execProtocolStream']>>;

/** BullMQ has some forty statements; texts beyond that come from elsewhere and are not worth a plan. */
const mostStatements = 100;

interface Statement {
  readonly name: string;
  /** Types of the parameters, as object ids of PostgreSQL. */
  readonly parameterTypes: readonly number[];
  /** The message that describes the columns, which the result of every run lacks; none for a statement without rows. */
  readonly columns: Messages;
}

/**
 * Statements of one PGlite, each parsed and described when it is first run. A run is one message: bind, execute and sync
 * (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY). PGlite's own `query` sends six and has
 * the statement parsed anew each time.
 */
export class PreparedStatements {
  readonly #database: PGlite;
  readonly #statements = new Map<string, Statement>();

  constructor(database: PGlite) {
    this.#database = database;
  }

  /**
   * Runs a statement.
   *
   * @throws DatabaseError of PGlite, with PostgreSQL's `code`
   */
  async query(text: string, parameters: readonly unknown[]): Promise<Results> {
    if (!this.#statements.has(text) && this.#statements.size >= mostStatements) {
      return await this.#database.query(text, [...parameters]);
    }
    return await this.#database.runExclusive(async () => {
      const statement = this.#statements.get(text) ?? (await this.#prepare(text));
      const ran = await this.#send(
        protocol.serialize.bind({ statement: statement.name, values: this.#serialized(statement, parameters) }),
        protocol.serialize.execute(),
      );
      const [result] = parse.parseResults([...statement.columns, ...ran], this.#database.parsers);
      return result ?? { rows: [], fields: [] };
    });
  }

  async #prepare(text: string): Promise<Statement> {
    const name = `statement_${this.#statements.size}`;
    const described = await this.#send(
      protocol.serialize.parse({ name, text }),
      protocol.serialize.describe({ type: 'S', name }),
    );
    const statement = {
      name,
      parameterTypes: parse.parseDescribeStatementResults(described),
      columns: described.filter((message) => message.name === 'rowDescription'),
    };
    this.#statements.set(text, statement);
    return statement;
  }

  #serialized({ parameterTypes }: Statement, parameters: readonly unknown[]): (string | null)[] {
    return parameters.map((parameter, index) => {
      if (parameter === null || parameter === undefined) return null;
      const serialize = this.#database.serializers[parameterTypes[index] ?? 0] ?? String;
      return serialize(parameter);
    });
  }

  /** After an error PostgreSQL reads no message before the next sync, so every call ends with one. */
  async #send(...messages: readonly Uint8Array[]): Promise<Messages> {
    return await this.#database.execProtocolStream(Buffer.concat([...messages, protocol.serialize.sync()]));
  }
}
