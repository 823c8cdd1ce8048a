import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { RedisServer } from '@tessera/runtime/testing';
import { RestartedService } from './process-family.js';
import { writeTinyModel } from './tiny-model.js';

const gatewayScript = 'services/gateway/dist/main.js';
const workerScript = 'services/worker/dist/main.js';

export interface ClusterOptions {
  readonly gateways: number;
  readonly workers: number;
  /** Settings of all services. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Gateways and workers with the tiny model over a Redis of their own, each a process of its own. */
export class Cluster {
  readonly redis: RedisServer;
  readonly gateways: readonly RestartedService[];
  readonly workers: readonly RestartedService[];
  /** Of the gateways, in their order. */
  readonly urls: readonly string[];
  /** What the services print. */
  readonly logs: string;
  readonly #directory: string;
  /** Nothing stays behind when this process ends early. The signals are sent at once; nobody waits for what follows. */
  readonly #onExit = (): void => {
    void this.stop(true);
  };

  private constructor(
    directory: string,
    redis: RedisServer,
    services: { gateways: readonly RestartedService[]; workers: readonly RestartedService[] },
    ports: readonly number[],
  ) {
    this.#directory = directory;
    this.logs = join(directory, 'logs');
    this.redis = redis;
    this.gateways = services.gateways;
    this.workers = services.workers;
    this.urls = ports.map((port) => `http://127.0.0.1:${port}`);
  }

  /** Starts everything and waits until it is ready. */
  static async start({
    gateways: gatewayCount,
    workers: workerCount,
    settings = {},
  }: ClusterOptions): Promise<Cluster> {
    const directory = await mkdtemp(join(tmpdir(), 'tessera-chaos-'));
    const logs = join(directory, 'logs');
    const models = join(directory, 'models');
    await mkdir(logs);
    await writeTinyModel(models);
    const redis = await RedisServer.start();
    const environment = {
      REDIS_URL: redis.url,
      MODELS_DIR: models,
      DATA_DIR: join(directory, 'data'),
      TESSERA_THREADS: '1',
      ...settings,
    };
    const ports = await freePorts(gatewayCount);
    const gateways = ports.map((port, index) => {
      const name = `gateway-${index}`;
      const own = { ...environment, PORT: String(port) };
      return new RestartedService(name, gatewayScript, own, /Server listening at/, join(logs, `${name}.log`));
    });
    const workers = Array.from({ length: workerCount }, (_, index) => {
      const name = `worker-${index}`;
      return new RestartedService(name, workerScript, environment, /worker is ready/, join(logs, `${name}.log`));
    });
    const cluster = new Cluster(directory, redis, { gateways, workers }, ports);
    process.once('exit', cluster.#onExit);
    try {
      await Promise.all([...gateways, ...workers].map((service) => service.start()));
    } catch (error) {
      await cluster.stop(true);
      throw error;
    }
    return cluster;
  }

  /**
   * Ends everything.
   *
   * @param keepLogs - whether the directory of the logs stays
   */
  async stop(keepLogs: boolean): Promise<void> {
    process.off('exit', this.#onExit);
    const redisGone = this.redis.remove();
    await Promise.all([...this.gateways, ...this.workers].map((service) => service.end('SIGKILL')));
    await redisGone;
    if (!keepLogs) await rm(this.#directory, { recursive: true, force: true });
  }
}

/** Different ports that nobody listens on. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => {
    const address = server.address();
    return address === null || typeof address === 'string' ? 0 : address.port;
  });
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
