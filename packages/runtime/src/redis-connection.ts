import { TesseraError } from '@tessera/contracts';
import { Redis, type RedisOptions } from 'ioredis';
import { answeredWithin, settledWithin } from './time-limits.js';

const connectTimeoutMs = 1_000;
const longestReconnectDelayMs = 1_000;
/** How long Redis may send nothing while an answer is due. */
const longestSilenceMs = 10_000;

/**
 * Options every connection shares: reconnect for ever, at most a second between two tries, also when the connection has been silent for
 * too long. A network that forgets a connection, or a machine without power, closes nothing.
 */
export const reconnectingOptions = {
  connectTimeout: connectTimeoutMs,
  keepAlive: 5_000,
  socketTimeout: longestSilenceMs,
  retryStrategy: (attempt: number) => Math.min(attempt * 50, longestReconnectDelayMs),
  // After a failover the old master is a replica, and keeps its connections; the name leads to the new one.
  reconnectOnError: (error: Error) => error.message.includes('READONLY'),
} as const satisfies RedisOptions;

export interface RedisConnectionOptions {
  /** `redis://` or `rediss://` URL. */
  readonly url: string;
  /** Gets every failure of the connection, also of those it recovers from. */
  readonly onError: (error: Error) => void;
  /** Longest time one operation may take before it counts as failed; time in which this process is held up hardly counts. */
  readonly operationTimeoutMs: number;
}

/**
 * A connection for callers that need an error at once instead of a wait: while Redis is down, or hangs,
 * operations reject with `TSR_QUEUE_UNAVAILABLE`; as soon as it is back they work again. That Redis hangs shows in the first
 * operation that takes too long; from then on until Redis answers again, none waits for it. A connection that stays silent is
 * replaced.
 */
export class RedisConnection {
  readonly client: Redis;
  readonly #operationTimeoutMs: number;
  /** Whether Redis has been asked for a sign of life, and has given none yet. */
  #isSilent = false;

  private constructor(options: RedisConnectionOptions) {
    this.#operationTimeoutMs = options.operationTimeoutMs;
    this.client = new Redis(options.url, {
      ...reconnectingOptions,
      enableOfflineQueue: false,
      maxRetriesPerRequest: null,
      autoResendUnfulfilledCommands: false,
    });
    this.client.on('error', options.onError);
    // What was asked on a lost connection is never answered.
    this.client.on('close', () => (this.#isSilent = false));
  }

  /** Resolves when connected, or after a second without a connection: a service may start before its Redis. */
  static async open(options: RedisConnectionOptions): Promise<RedisConnection> {
    const connection = new RedisConnection(options);
    const connected = new Promise<void>((resolve) => connection.client.once('ready', resolve));
    await settledWithin(connected, connectTimeoutMs);
    return connection;
  }

  /**
   * Runs an operation on the connection.
   * @throws TesseraError `TSR_QUEUE_UNAVAILABLE` when it fails or takes longer than the operation timeout; what shows a fault in the
   * operation's own code, such as a TypeError, as it is
   */
  async run<Result>(operation: (client: Redis) => Promise<Result>): Promise<Result> {
    const timeoutMs = this.#operationTimeoutMs;
    const timeoutError = () => {
      this.#awaitAnswer();
      return new Error(`Redis did not answer within ${timeoutMs} ms`);
    };
    try {
      if (this.#isSilent) throw new Error('Redis has not answered for a while');
      return await answeredWithin(operation(this.client), timeoutMs, timeoutError);
    } catch (error) {
      if (TesseraError.isInstance(error) || isFault(error)) throw error;
      throw new TesseraError('TSR_QUEUE_UNAVAILABLE', 'Redis cannot be reached.', { cause: error });
    }
  }

  close(): void {
    this.client.disconnect();
  }

  /** Redis answers in the order in which it is asked: once it has caught up, it answers this. */
  #awaitAnswer(): void {
    if (this.#isSilent) return;
    this.#isSilent = true;
    const onAnswer = () => (this.#isSilent = false);
    this.client.ping().then(onAnswer, onAnswer);
  }
}

/** Whether the error is one of JavaScript's own: none of the connection, which nobody would mend by waiting. */
function isFault(error: unknown): boolean {
  return [TypeError, RangeError, ReferenceError, SyntaxError].some((kind) => error instanceof kind);
}
