import { setTimeout as delay } from 'node:timers/promises';
import type { SeededRandom } from '@tessera/runtime';
import type { Cluster } from './cluster.js';
import type { RestartedService } from './process-family.js';

const kinds = ['worker', 'worker', 'inference', 'inference', 'gateway', 'redis-restart', 'redis-hang'] as const;
/** How long Redis stays away, or hangs, in an ordinary fault. */
const redisAwayMs = 500;
const redisHangsMs = 3_000;
/** How often it is looked whether another fault is due. */
const lookMs = 50;

export type Fault = (typeof kinds)[number] | 'redis-outage';

export interface FaultOptions {
  readonly cluster: Cluster;
  readonly random: SeededRandom;
  /** Jobs that have ended: faults come with them, so that a slow machine has no more of them than a fast one. */
  readonly endedJobs: () => number;
  /** Mean number of jobs that end between two faults. */
  readonly jobsPerFault: number;
  readonly onFault: (fault: Fault, target: string) => void;
}

/**
 * Disturbs a cluster until it is stopped: kills workers, inference processes and gateways with SIGKILL, and restarts or
 * freezes Redis. The first worker, its inference process and the first gateway are spared, so that their memory can be
 * followed. Only processes of the cluster are touched.
 */
export class FaultInjector {
  readonly #options: FaultOptions;
  readonly #stopping = new AbortController();
  #running: Promise<void>;
  /** Restarts that go on beside further faults. */
  readonly #restarts = new Set<Promise<void>>();
  /** Faults that change Redis, one after the other. */
  #redis: Promise<void> = Promise.resolve();

  constructor(options: FaultOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** Takes Redis away for so long; other faults go on meanwhile. */
  outage(durationMs: number): Promise<void> {
    this.#options.onFault('redis-outage', 'redis');
    return this.#onRedis(() => this.#restartRedis(durationMs));
  }

  /** Ends with everything running again. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await this.#redis;
    while (this.#restarts.size > 0) await Promise.all(this.#restarts);
  }

  async #run(): Promise<void> {
    const { random, endedJobs, jobsPerFault } = this.#options;
    let next = 0;
    while (!this.#stopping.signal.aborted) {
      if (endedJobs() >= next) {
        this.#disturb(random.pick(kinds));
        // Between half and one and a half of the mean.
        next = endedJobs() + jobsPerFault * (0.5 + random.next());
      }
      await delay(lookMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
    }
  }

  #disturb(kind: (typeof kinds)[number]): void {
    const { cluster, random, onFault } = this.#options;
    if (kind === 'redis-restart' || kind === 'redis-hang') {
      onFault(kind, 'redis');
      void this.#onRedis(() => (kind === 'redis-hang' ? this.#freezeRedis() : this.#restartRedis(redisAwayMs)));
      return;
    }
    const [, ...victims] = kind === 'gateway' ? cluster.gateways : cluster.workers;
    if (victims.length === 0) return;
    const victim = random.pick(victims);
    // A worker starts another inference process in the place of one that dies, but ends when its first one does not start.
    if (kind === 'inference' && !victim.isReady) return;
    onFault(kind, victim.name);
    if (kind === 'inference') {
      for (const pid of victim.children()) process.kill(pid, 'SIGKILL');
      return;
    }
    this.#restart(victim);
  }

  #restart(victim: RestartedService): void {
    const restart = (async () => {
      await victim.end('SIGKILL');
      await victim.start();
    })();
    this.#restarts.add(restart);
    // A service that another fault kills while it starts is started again by that one.
    void restart.catch(() => undefined).finally(() => this.#restarts.delete(restart));
  }

  #onRedis(change: () => Promise<void>): Promise<void> {
    this.#redis = this.#redis.then(change);
    return this.#redis;
  }

  async #restartRedis(awayMs: number): Promise<void> {
    const { redis } = this.#options.cluster;
    await redis.stop();
    await delay(awayMs);
    await redis.start();
  }

  async #freezeRedis(): Promise<void> {
    const { redis } = this.#options.cluster;
    redis.pause();
    await delay(redisHangsMs);
    redis.resume();
  }
}
