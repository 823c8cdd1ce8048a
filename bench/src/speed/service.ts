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
  const settings = { ...environment, HOST: '127.0.0.1', PORT: '0', DATA_DIR: data, LOG_LEVEL: 'warn' };
  try {
    const script = 'services/standalone/dist/main.js';
    const program = await startProgram(directory, script, settings, /Tessera is ready: (\S+)/);
    const stop = async (): Promise<void> => {
      await program.stop();
      await rm(data, { recursive: true, force: true });
    };
    return { url: program.ready[1] ?? '', pid: program.pid, stop };
  } catch (error) {
    await rm(data, { recursive: true, force: true });
    throw error;
  }
}

/** A program of a built checkout, as a process. */
export interface Program {
  /** The match in its output that said it was ready. */
  readonly ready: RegExpExecArray;
  readonly pid: number;
  stop(): Promise<void>;
}

/**
 * Starts a program and waits until a line of its output matches.
 *
 * @param directory - root of the checkout
 * @throws Error when the process ends before
 */
export async function startProgram(
  directory: string,
  script: string,
  environment: NodeJS.ProcessEnv,
  ready: RegExp,
): Promise<Program> {
  const child = spawn(process.execPath, [script], {
    cwd: directory,
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const matched = new Promise<RegExpExecArray>((resolve) => {
    createInterface(child.stdout).on('line', (line) => {
      const match = ready.exec(line);
      if (match !== null) resolve(match);
    });
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await exited;
  };
  const match = await Promise.race([matched, exited.then(() => undefined)]);
  if (match !== undefined && child.pid !== undefined) return { ready: match, pid: child.pid, stop };
  throw new Error(`${script} of ${directory} ended before it was ready.`);
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
