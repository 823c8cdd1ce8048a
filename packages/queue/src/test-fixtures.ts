import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { TesseraError, type ErrorCode } from '@tessera/contracts';
import { provideEmptyQueue, redisSkipReason, RedisServer } from '@tessera/runtime/testing';
import { createJobQueue, type JobQueueOptions, type QueueConnection } from './create-job-queue.js';
import type { JobQueue } from './job-queue.js';

export interface TestJob {
  readonly label: string;
}

export function isCode(code: ErrorCode): (error: unknown) => boolean {
  return (error) => TesseraError.isInstance(error) && error.code === code;
}

export async function temporaryDirectory(): Promise<{ directory: string; remove: () => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'tessera-queue-'));
  return { directory, remove: () => rm(directory, { recursive: true, force: true }) };
}

/** Waits until the condition holds; fails after the time given. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 5_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) assert.fail(`The condition did not hold within ${timeoutMs} ms`);
    await delay(10);
  }
}

/** The queues of a suite: those of each test have a name of their own and are closed after it. */
export function suiteQueues(defaults: () => Omit<JobQueueOptions, 'name'>) {
  let queues: JobQueue<TestJob>[] = [];
  let number = 0;
  const name = (): string => `queue-${number}`;
  const closeAll = async (): Promise<void> => {
    const closing = queues;
    queues = [];
    await Promise.all(closing.map((queue) => queue.close()));
  };
  afterEach(async () => {
    await closeAll();
    number++;
  });
  return {
    name,
    closeAll,
    openQueue: async (options: Partial<JobQueueOptions> = {}): Promise<JobQueue<TestJob>> => {
      const queue = await createJobQueue<TestJob>({ name: name(), ...defaults(), ...options });
      queues.push(queue);
      return queue;
    },
  };
}

/** A process of its own that works with a queue, to be killed. */
export class QueueProcess {
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];

  /** @param script - statements with `createJobQueue` and the queue's `connection` in scope, and top-level await */
  constructor(connection: QueueConnection, script: string) {
    const source = `
      import { createJobQueue } from ${JSON.stringify(new URL('./index.js', import.meta.url).href)};
      const connection = ${JSON.stringify(connection)};
      ${script}`;
    this.#child = spawn(process.execPath, ['--input-type=module', '--eval', source], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (this.#child.stdout === null) throw new Error('The child has no standard output');
    createInterface(this.#child.stdout).on('line', (line) => this.#lines.push(line));
  }

  get pid(): number {
    return this.#child.pid ?? assert.fail('The child has not started');
  }

  /** What the process has printed so far. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  get hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async printed(line: string): Promise<void> {
    await until(() => this.#lines.includes(line) || this.hasExited, 30_000);
    assert.ok(this.#lines.includes(line), `The child exited with ${this.#child.exitCode} before it printed ${line}`);
  }

  /** Ends the process as a crash would. */
  async kill(): Promise<void> {
    if (this.hasExited) return;
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await closed;
  }
}

/** Where the queues of a test are. */
export interface Place {
  readonly connection: QueueConnection;
  readonly remove: () => Promise<void>;
}

/** A directory of a test's own, with an embedded queue that has no jobs. */
export async function openEmbeddedPlace() {
  const { directory: parent, remove } = await temporaryDirectory();
  const directory = join(parent, 'queue');
  provideEmptyQueue(directory);
  return { connection: { kind: 'embedded', directory } as const, remove };
}

/** Both kinds of queue, for tests that every one has to pass. */
export const backends = [
  {
    name: 'embedded',
    skip: false as const,
    open: (): Promise<Place> => openEmbeddedPlace(),
  },
  {
    name: 'in Redis',
    skip: redisSkipReason,
    open: async (): Promise<Place> => {
      const server = await RedisServer.start();
      return { connection: { kind: 'redis', url: server.url }, remove: () => server.remove() };
    },
  },
];
