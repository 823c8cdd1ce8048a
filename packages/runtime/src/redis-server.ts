import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './free-port.js';

const startTimeoutMs = 10_000;

/**
 * Reason for leaving out tests that need Redis, or false when they have to run.
 * Only `REDIS_TESTS=skip` leaves them out: a missing binary makes them fail.
 */
export const redisSkipReason: string | false = process.env.REDIS_TESTS === 'skip' ? 'REDIS_TESTS=skip' : false;

/** A Redis server of the test's own, whose data outlives {@link RedisServer.stop} and {@link RedisServer.pause}. */
export class RedisServer {
  readonly url: string;
  readonly #port: number;
  readonly #directory: string;
  #process: ChildProcess | null = null;

  private constructor(port: number, directory: string) {
    this.#port = port;
    this.#directory = directory;
    this.url = `redis://127.0.0.1:${port}`;
  }

  /** Reserves a port without starting the server, for tests that begin with Redis down. */
  static async prepare(): Promise<RedisServer> {
    if (spawnSync('redis-server', ['--version']).error) {
      throw new Error('There is no redis-server: npm test fetches one; or install it, or set REDIS_TESTS=skip');
    }
    return new RedisServer(await freePort(), await mkdtemp(join(tmpdir(), 'tessera-redis-')));
  }

  static async start(): Promise<RedisServer> {
    const server = await RedisServer.prepare();
    await server.start();
    return server;
  }

  /** Of the running server. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  async start(): Promise<void> {
    const settings = {
      bind: '127.0.0.1',
      port: String(this.#port),
      dir: this.#directory,
      save: '',
      appendonly: 'yes',
      // A crash loses nothing that was acknowledged. `everysec` may lose a second, and more while the disk is busy.
      appendfsync: 'always',
      'maxmemory-policy': 'noeviction',
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
    this.#process = spawn('redis-server', flags, { stdio: 'ignore' });
    const deadline = Date.now() + startTimeoutMs;
    while (!(await accepts(this.#port))) {
      if (Date.now() > deadline) throw new Error(`redis-server did not start within ${startTimeoutMs} ms`);
      await delay(20);
    }
  }

  /** Ends the server at once, as a crash would; {@link start} brings it back with its data. */
  async stop(): Promise<void> {
    const server = this.#process;
    this.#process = null;
    if (server?.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, 'exit');
    server.kill('SIGKILL');
    await exited;
  }

  /** Makes the server hang: connections stay open and nothing answers until {@link resume}. */
  pause(): void {
    this.#process?.kill('SIGSTOP');
  }

  resume(): void {
    this.#process?.kill('SIGCONT');
  }

  /** Ends the server and deletes its data. */
  async remove(): Promise<void> {
    await this.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** Whether a Redis that has loaded its data answers on the port. */
async function accepts(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' });
  try {
    await once(socket, 'connect');
    socket.write('PING\r\n');
    const [reply] = (await once(socket, 'data')) as [Buffer];
    return reply.toString().startsWith('+PONG');
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
