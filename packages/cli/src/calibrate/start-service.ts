import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { CommandFailure } from '../command-errors.js';
import { compile, serviceMain } from '../installation.js';

/**
 * The embedded service on a free port of this machine, as a process of its own, with empty data and without keys.
 *
 * @throws CommandFailure when it ends before it is ready; what it says goes to the standard error
 */
export async function startService(
  modelsDirectory: string,
  environment: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  const main = serviceMain('standalone');
  await compile({ 'services/standalone': main });
  const data = await mkdtemp(join(tmpdir(), 'tessera-calibrate-'));
  const own = { HOST: '127.0.0.1', PORT: '0', MODELS_DIR: modelsDirectory, DATA_DIR: data, LOG_LEVEL: 'warn' };
  const none = { REDIS_URL: '', API_KEYS: '', API_KEYS_FILE: '', TESSERA_DEFAULT_MODEL: '' };
  const child = spawn(process.execPath, [main], {
    env: Object.fromEntries(Object.entries({ ...environment, ...none, ...own }).filter(([, value]) => value !== '')),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await exited;
    await rm(data, { recursive: true, force: true });
  };
  const ready = new Promise<string>((resolve) => {
    createInterface(child.stdout).on('line', (line) => {
      const [, url] = /Tessera is ready: (\S+)/.exec(line) ?? [];
      if (url !== undefined) resolve(url);
    });
  });
  const aborted = new Promise<undefined>((resolve) => {
    signal.addEventListener(
      'abort',
      () => {
        resolve(undefined);
      },
      { once: true },
    );
  });
  const url = await Promise.race([ready, exited.then(() => undefined), aborted]);
  if (url !== undefined) return { url, stop };
  await stop();
  signal.throwIfAborted();
  throw new CommandFailure('The service with the model did not start.');
}
