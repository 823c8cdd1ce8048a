import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

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
  const child = spawn(process.execPath, ['services/standalone/dist/main.js'], {
    cwd: directory,
    env: { ...environment, HOST: '127.0.0.1', PORT: '0', DATA_DIR: data, LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const ready = new Promise<string>((resolve) => {
    createInterface(child.stdout).on('line', (line) => {
      const [, url] = /Tessera is ready: (\S+)/.exec(line) ?? [];
      if (url !== undefined) resolve(url);
    });
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await exited;
    await rm(data, { recursive: true, force: true });
  };
  const url = await Promise.race([ready, exited.then(() => undefined)]);
  if (url !== undefined && child.pid !== undefined) return { url, pid: child.pid, stop };
  await stop();
  throw new Error(`The service of ${directory} ended before it was ready.`);
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
