import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProgram } from '@tessera/runtime/process';
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
  const removeData = () => rm(data, { recursive: true, force: true });
  try {
    const set = Object.entries({ ...environment, ...none, ...own }).filter(([, value]) => value !== '');
    const ready = /Tessera is ready: (\S+)/;
    const program = await startProgram(main, { environment: Object.fromEntries(set), ready, signal });
    const stop = async (): Promise<void> => {
      await program.stop();
      await removeData();
    };
    return { url: program.found, stop };
  } catch {
    await removeData();
    signal.throwIfAborted();
    throw new CommandFailure('The service with the model did not start.');
  }
}
