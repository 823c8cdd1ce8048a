import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '@tessera/evaluation';
import { startProgram, type Program } from '@tessera/runtime/process';
import { RedisServer } from '@tessera/runtime/testing';

/** The embedded service of a built checkout, as a process of its own on a free port. */
export interface Service {
  readonly url: string;
  readonly pid: number;
  /** Ends the process and deletes its data. */
  stop(): Promise<void>;
}

/**
 * Starts `services/standalone` with new, empty data.
 *
 * @param directory - root of the checkout
 * @param environment - the variables that it is started with
 * @throws Error when the process ends before it is ready
 */
export async function startService(directory: string, environment: NodeJS.ProcessEnv = process.env): Promise<Service> {
  const data = await mkdtemp(join(tmpdir(), 'tessera-bench-'));
  const removeData = () => rm(data, { recursive: true, force: true });
  try {
    const settings = { ...environment, PORT: '0', DATA_DIR: data };
    const program = await startServiceOf(directory, 'standalone', settings, readyPattern);
    const stop = async (): Promise<void> => {
      await program.stop();
      await removeData();
    };
    return { url: program.found, pid: program.pid, stop };
  } catch (error) {
    await removeData();
    throw error;
  }
}

/** Gateway and workers as processes of their own, over a Redis of their own. */
export interface Cluster {
  readonly url: string;
  readonly redisUrl: string;
  /** Those of the services, then that of Redis. */
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

/** Starts this checkout's gateway and workers, each of which prepares as many jobs as the settings say. */
export async function startCluster(workers: number, settings: Readonly<Record<string, string>>): Promise<Cluster> {
  const redis = await RedisServer.start();
  const environment = { ...process.env, ...settings, REDIS_URL: redis.url };
  const programs: Program[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(programs.map((program) => program.stop()));
    await redis.remove();
  };
  try {
    for (let index = 0; index < workers; index++)
      programs.push(await startServiceOf(repositoryRoot, 'worker', environment, /"msg":"(worker is ready)"/));
    const gateway = await startServiceOf(repositoryRoot, 'gateway', { ...environment, PORT: '0' }, readyPattern);
    programs.push(gateway);
    const pids = [...programs, redis].flatMap(({ pid }) => pid ?? []);
    return { url: gateway.found, redisUrl: redis.url, pids, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What the embedded service and a gateway print with their address. */
export const readyPattern = /Tessera is ready: (\S+)/;

/**
 * Starts a service of a built checkout, as a process.
 *
 * @throws Error when the process ends before it prints what the pattern finds
 */
export async function startServiceOf(
  directory: string,
  service: 'standalone' | 'gateway' | 'worker',
  environment: NodeJS.ProcessEnv,
  ready: RegExp,
): Promise<Program> {
  return await startProgram(`services/${service}/dist/main.js`, {
    cwd: directory,
    environment: { ...environment, HOST: '127.0.0.1', LOG_LEVEL: service === 'worker' ? 'info' : 'warn' },
    ready,
  });
}

/** A request body, encoded. */
export interface Form {
  readonly body: ArrayBuffer;
  readonly contentType: string;
}

/** A form with an image and other fields: a list's elements one by one, objects as JSON. */
export async function encodeForm(image: Uint8Array, fields: Readonly<Record<string, unknown>>): Promise<Form> {
  const form = new FormData();
  form.append('image', new Blob([new Uint8Array(image)]), 'image.jpg');
  for (const [name, value] of Object.entries(fields)) {
    for (const element of Array.isArray(value) ? (value as unknown[]) : [value])
      form.append(name, typeof element === 'string' ? element : JSON.stringify(element));
  }
  const encoded = new Response(form);
  return { body: await encoded.arrayBuffer(), contentType: encoded.headers.get('content-type') ?? '' };
}

/** @throws Error when the answer is not 200 */
export async function post<Answer>(url: string, { body, contentType }: Form): Promise<Answer> {
  const response = await fetch(url, { method: 'POST', body, headers: { 'content-type': contentType } });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${url}: ${response.status} ${text}`);
  return JSON.parse(text) as Answer;
}
