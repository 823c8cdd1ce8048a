import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { RedisConnection } from '@tessera/runtime/redis';
import type { Redis } from 'ioredis';
import { gatherMs, retryPauseMs, type EndHandler, type EndReader } from './queue-backend.js';

/** Events that are read together. */
const batchSize = 500;
/** How long a reader may be silent before another one takes over, and how often the others try to. */
const leaseMs = 10_000;
const leaseRetryMs = 2_000;
/** Longest wait for new events; the lease is renewed after it. */
const blockMs = 2_000;
/** How long a lease that was just renewed counts as held: renewing it before every read would double the work. */
const leaseHeldMs = 500;
/** How far the clocks of workers may differ from that of Redis, in a search for ends whose events are gone. */
const clockSlackMs = 300_000;

/** Gives, if the lease is free or this reader's own: how far the ends have been read, and the oldest event kept. */
const takeLeaseScript = `
  local holder = redis.call('GET', KEYS[1])
  if holder and holder ~= ARGV[1] then return nil end
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  local oldest = redis.call('XRANGE', KEYS[3], '-', '+', 'COUNT', 1)
  return { redis.call('GET', KEYS[2]) or '', oldest[1] and oldest[1][1] or '' }`;
const saveCursorScript = `
  if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('SET', KEYS[2], ARGV[2]) end`;
const releaseScript = `
  if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end`;

/** The keys of a queue that hold its jobs' ends. */
interface EndKeys {
  /** BullMQ's events. Its scripts write them in the step that ends, or removes, the job. */
  readonly events: string;
  /** BullMQ's finished jobs, by the time of their end. */
  readonly finished: readonly string[];
  /** Prefix of the records of withdrawn jobs. */
  readonly withdrawal: string;
  /** Holds the reader whose turn it is. */
  readonly lease: string;
  /** Holds the id of the last event whose end was handled. */
  readonly cursor: string;
}

export interface RedisEndsOptions {
  /** For short commands: one that is under way when Redis dies is never answered, which only this notices. */
  readonly connection: RedisConnection;
  /** A connection of its own for blocking reads, which replaces itself when it is silent; closed with the reader. */
  readonly blocking: Redis;
  readonly keys: EndKeys;
  /** The BullMQ id of a job's id. */
  readonly toBullId: (id: string) => string;
  readonly onError: (error: Error) => void;
}

/** BullMQ's events of a job's end, which it names like its states. */
const finishes = new Set(['completed', 'failed']);

type StreamEntry = [id: string, fields: string[]];

/**
 * Hands the ends of a queue in Redis to a handler, from where the last reader stopped. One process reads at a time; when it dies,
 * another one takes over and handles what the dead one may have handled without saving that it had.
 */
export class RedisEnds implements EndReader {
  readonly #options: RedisEndsOptions;
  readonly #handle: EndHandler;
  readonly #name = randomUUID();
  readonly #closing = new AbortController();
  readonly #finished: Promise<void>;
  /** How far this reader has come, while it holds the lease. */
  #cursor = '';
  /** Of `performance.now()`: until then the lease need not be renewed. */
  #heldUntil = 0;

  constructor(options: RedisEndsOptions, handle: EndHandler) {
    this.#options = options;
    this.#handle = handle;
    options.blocking.on('error', options.onError);
    this.#finished = this.#run();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#options.blocking.disconnect();
    await this.#finished;
    const { connection, keys } = this.#options;
    // Without it the next reader waits until the lease runs out.
    await connection.run((client) => client.eval(releaseScript, 1, keys.lease, this.#name)).catch(() => undefined);
  }

  async #run(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      try {
        const hasLease = await this.#readBatch();
        if (!hasLease) await this.#pause(leaseRetryMs);
      } catch (error) {
        await this.#recover(error as Error);
      }
    }
  }

  /** @returns whether it is this reader's turn */
  async #readBatch(): Promise<boolean> {
    const { connection, keys } = this.#options;
    if (!(await this.#holdLease())) return false;
    const entries = await this.#nextEvents();
    const last = entries.at(-1);
    if (last === undefined) return true;
    const ended = entries.flatMap(([, fields]) => endedJob(fields) ?? []);
    if (ended.length > 0) {
      await this.#handle([...new Set(ended)].map((bullId) => ({ bullId })));
      // The start of a job need not be remembered: the next reader skips it again.
      await connection.run((client) => client.eval(saveCursorScript, 2, keys.lease, keys.cursor, this.#name, last[0]));
    }
    this.#cursor = last[0];
    if (entries.length < batchSize) await this.#pause(gatherMs);
    // There is more to read, and the oldest events may be dropped meanwhile.
    else this.#heldUntil = 0;
    return true;
  }

  async #nextEvents(): Promise<StreamEntry[]> {
    const { blocking, keys } = this.#options;
    const from = this.#cursor === '' ? '0' : this.#cursor;
    const streams = await blocking.xread('COUNT', batchSize, 'BLOCK', blockMs, 'STREAMS', keys.events, from);
    return streams?.[0]?.[1] ?? [];
  }

  /**
   * Takes the lease, or renews it, and handles the ends whose events were dropped unread.
   *
   * @returns whether it is this reader's turn
   */
  async #holdLease(): Promise<boolean> {
    if (performance.now() < this.#heldUntil) return true;
    const { connection, keys } = this.#options;
    const askedAt = performance.now();
    const taken = await connection.run((client) =>
      client.eval(takeLeaseScript, 3, keys.lease, keys.cursor, keys.events, this.#name, leaseMs),
    );
    if (taken === null) {
      this.#cursor = '';
      return false;
    }
    const [saved, oldest] = taken as [string, string];
    // The saved one is behind when no job has ended since, and ahead when another reader had a turn.
    if (this.#cursor === '' || (saved !== '' && isBefore(this.#cursor, saved))) this.#cursor = saved;
    if (this.#cursor !== '' && oldest !== '' && isBefore(this.#cursor, oldest)) await this.#handleUnseen(this.#cursor);
    this.#heldUntil = askedAt + leaseHeldMs;
    return true;
  }

  /** Events after the cursor were dropped before anybody read them: the jobs themselves still show their ends. */
  async #handleUnseen(cursor: string): Promise<void> {
    const { connection, keys, toBullId, onError } = this.#options;
    onError(new Error(`Events of ${keys.events} were dropped unread; looking for the ends since ${cursor}`));
    const since = Number(cursor.split('-')[0]) - clockSlackMs;
    for (const key of keys.finished) {
      const ids = await connection.run((client) => client.zrangebyscore(key, since, '+inf'));
      for (let start = 0; start < ids.length; start += batchSize)
        await this.#handle(ids.slice(start, start + batchSize).map((bullId) => ({ bullId })));
    }
    const pattern = `${escaped(keys.withdrawal)}*`;
    let position = '0';
    do {
      const [next, found] = await connection.run((client) => client.scan(position, 'MATCH', pattern, 'COUNT', 1_000));
      const withdrawn = found.map((key) => ({ bullId: toBullId(key.slice(keys.withdrawal.length)) }));
      if (withdrawn.length > 0) await this.#handle(withdrawn);
      position = next;
    } while (position !== '0');
  }

  /** Closing interrupts a read, which is no failure. */
  async #recover(error: Error): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#options.onError(error);
    await this.#pause(retryPauseMs);
  }

  async #pause(milliseconds: number): Promise<void> {
    await delay(milliseconds, undefined, { signal: this.#closing.signal }).catch(() => undefined);
  }
}

/** The job that an event ends. BullMQ also removes jobs whose end was long ago. */
function endedJob(fields: readonly string[]): string | undefined {
  const values = new Map<string, string>();
  for (let index = 0; index + 1 < fields.length; index += 2) values.set(fields[index] ?? '', fields[index + 1] ?? '');
  const event = values.get('event') ?? '';
  const isWithdrawal = event === 'removed' && !finishes.has(values.get('prev') ?? '');
  return finishes.has(event) || isWithdrawal ? values.get('jobId') : undefined;
}

/** Order of the ids of a stream, milliseconds and a sequence number. */
function isBefore(one: string, other: string): boolean {
  const [oneMs = 0, oneNumber = 0] = one.split('-').map(Number);
  const [otherMs = 0, otherNumber = 0] = other.split('-').map(Number);
  return oneMs === otherMs ? oneNumber < otherNumber : oneMs < otherMs;
}

/** As a pattern that matches the text alone. */
function escaped(text: string): string {
  return text.replace(/[*?[\]\\^]/g, String.raw`\$&`);
}
