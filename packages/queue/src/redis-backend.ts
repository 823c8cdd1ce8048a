import { reconnectingOptions, RedisConnection } from '@tessera/runtime/redis';
import { Redis } from 'ioredis';
import { Queue, QueueEvents, Worker, type QueueOptions, type WorkerOptions } from 'bullmq';
import type { JobCounts } from './job-queue.js';
import { toBullId, type JobRecord, type Withdrawal } from './job-record.js';
import {
  maxEvents,
  type BullProcessor,
  type BullQueue,
  type BullWorker,
  type EndHandler,
  type EndReader,
  type JobListener,
  type QueueBackend,
} from './queue-backend.js';
import { RedisEnds } from './redis-ends.js';
import { RedisEvents } from './redis-events.js';

const operationTimeoutMs = 1_000;
const prefix = 'tessera';
/** Longest silence of a connection that waits for jobs or events. BullMQ asks Redis to wait for at most 10 s. */
const longestSilenceMs = 15_000;
/** BullMQ's scores of jobs with the same priority. */
const scoresOfPriority = 2 ** 32;
/** Overdue jobs that are looked at together. */
const overdueAtOnce = 100;

export interface RedisBackendOptions {
  readonly name: string;
  readonly url: string;
  readonly onError: (error: Error) => void;
}

/**
 * A queue in Redis. Operations use one connection that fails at once; workers and events have their own, which wait
 * for Redis to come back. The braces put all keys of a queue into one slot of a Redis cluster.
 */
export class RedisBackend implements QueueBackend {
  readonly #name: string;
  readonly #url: string;
  readonly #connection: RedisConnection;
  readonly #onError: (error: Error) => void;
  #isClosed = false;

  private constructor(options: RedisBackendOptions, connection: RedisConnection) {
    this.#name = `{${options.name}}`;
    this.#url = options.url;
    this.#onError = options.onError;
    this.#connection = connection;
  }

  static async open(options: RedisBackendOptions): Promise<RedisBackend> {
    return new RedisBackend(options, await RedisConnection.open({ ...options, operationTimeoutMs }));
  }

  openQueue(options: Omit<QueueOptions, 'connection'>): BullQueue {
    const queue = new Queue<JobRecord, string>(this.#name, {
      ...options,
      prefix,
      connection: this.#connection.client,
      // Both would be awaited by the first operation, for as long as Redis is down.
      skipWaitingForReady: true,
      skipVersionCheck: true,
      skipMetasUpdate: true,
    });
    // A Redis that lost its data has lost the settings of the queue too.
    const saveSettings = () => {
      queue
        .getBackend()
        .setQueueMeta(queue.metaValues)
        .catch((error: unknown) => queue.emit('error', error as Error));
    };
    this.#connection.client.on('ready', saveSettings);
    if (this.#connection.client.status === 'ready') saveSettings();
    return queue;
  }

  openWorker(processor: BullProcessor, options: Omit<WorkerOptions, 'connection'>): BullWorker {
    return new Worker<JobRecord, string>(this.#name, processor, { ...options, prefix, connection: this.#waiting() });
  }

  /** Starts from the oldest event still kept, so that none falls between opening the stream and the first read. */
  watch(listener: JobListener): RedisEvents {
    const options = { autorun: false, lastEventId: '0', prefix, connection: this.#waiting() };
    return new RedisEvents(new QueueEvents(this.#name, options), listener, this.#onError);
  }

  async announceWithdrawn(bullId: string): Promise<void> {
    const event = ['event', 'withdrawn', 'jobId', bullId];
    await this.#connection.client.xadd(this.#key('events'), 'MAXLEN', '~', maxEvents, '*', ...event);
  }

  async counts(): Promise<JobCounts> {
    const { client } = this.#connection;
    const [returned, prioritized, delayed, running] = await Promise.all([
      client.llen(this.#key('wait')),
      client.zcard(this.#key('prioritized')),
      client.zcard(this.#key('delayed')),
      client.llen(this.#key('active')),
    ]);
    return { queued: returned + prioritized + delayed, running };
  }

  /** BullMQ orders the waiting jobs by their priority, as the upper half of a score. */
  async waiting(priority: number): Promise<{ count: number; oldestAt: number | null }> {
    const { client } = this.#connection;
    const key = this.#key('prioritized');
    const range = [priority * scoresOfPriority, `(${(priority + 1) * scoresOfPriority}`] as const;
    const [count, [first]] = await Promise.all([
      client.zcount(key, ...range),
      client.zrangebyscore(key, ...range, 'LIMIT', 0, 1),
    ]);
    const addedAt = first === undefined ? null : await client.hget(this.#key(first), 'timestamp');
    return { count, oldestAt: addedAt === null ? null : Number(addedAt) };
  }

  /** Jobs are claimed from the wait list, which holds those whose worker died, then by priority. */
  async jobsAhead(bullId: string): Promise<number> {
    const { client } = this.#connection;
    const [returned, rank] = await Promise.all([
      client.llen(this.#key('wait')),
      client.zrank(this.#key('prioritized'), bullId),
    ]);
    return rank === null ? 0 : returned + rank;
  }

  async saveWithdrawal(id: string, withdrawal: Withdrawal, ttlMs: number): Promise<void> {
    const { client } = this.#connection;
    const [key, record] = [this.#withdrawalKey(id), JSON.stringify(withdrawal)];
    const isFirst = (await client.set(key, record, 'PX', ttlMs, 'NX')) === 'OK';
    if (isFirst || withdrawal.code !== 'TSR_JOB_CANCELLED') return;
    const [earlier] = await this.findWithdrawals([id]);
    if (earlier?.code !== withdrawal.code) await client.set(key, record, 'PX', ttlMs);
  }

  async findWithdrawals(ids: readonly string[]): Promise<(Withdrawal | null)[]> {
    const values = await this.#connection.client.mget(ids.map((id) => this.#withdrawalKey(id)));
    return values.map((value) => (value === null ? null : (JSON.parse(value) as Withdrawal)));
  }

  readEnds(handle: EndHandler): EndReader {
    const keys = {
      events: this.#key('events'),
      finished: [this.#key('completed'), this.#key('failed')],
      withdrawal: this.#withdrawalKey(''),
      lease: this.#key('ends-lease'),
      cursor: this.#key('ends-cursor'),
    };
    const { url, ...options } = this.#waiting();
    const blocking = new Redis(url, options);
    return new RedisEnds({ connection: this.#connection, blocking, keys, toBullId, onError: this.#onError }, handle);
  }

  async saveDeadline(bullId: string, deadlineAt: number): Promise<void> {
    await this.#connection.client.zadd(this.#key('deadlines'), deadlineAt, bullId);
  }

  findOverdue(): Promise<readonly string[]> {
    const { client } = this.#connection;
    return client.zrangebyscore(this.#key('deadlines'), '-inf', Date.now(), 'LIMIT', 0, overdueAtOnce);
  }

  async forgetDeadlines(bullIds: readonly string[]): Promise<void> {
    await this.#connection.client.zrem(this.#key('deadlines'), ...bullIds);
  }

  run<Result>(operation: () => Promise<Result>): Promise<Result> {
    return this.#connection.run(operation);
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#connection.close();
    return Promise.resolve();
  }

  /** For workers and events: they wait for Redis to come back, until the backend is closed. */
  #waiting() {
    return {
      ...reconnectingOptions,
      url: this.#url,
      socketTimeout: longestSilenceMs,
      maxRetriesPerRequest: null,
      retryStrategy: (attempt: number) => (this.#isClosed ? null : reconnectingOptions.retryStrategy(attempt)),
    };
  }

  #key(part: string): string {
    return `${prefix}:${this.#name}:${part}`;
  }

  #withdrawalKey(id: string): string {
    return this.#key(`withdrawal:${id}`);
  }
}
