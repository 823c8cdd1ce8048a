import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { unlessAborted } from './time-limits.js';

/** A Node program as a process. */
export interface Program {
  readonly pid: number;
  /** What the pattern has found in its output. */
  readonly found: string;
  /** Asks it to end, and waits until it has. */
  stop(): Promise<void>;
}

export interface ProgramOptions {
  /** All variables that it gets. */
  readonly environment: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Its first group is what a line says that is printed once the program is ready. */
  readonly ready: RegExp;
  /** Gives up waiting for that. */
  readonly signal?: AbortSignal;
}

/**
 * Starts a script and waits until it is ready. Its error output goes to this process's.
 *
 * @throws Error when it ends before, and the signal's reason; the process has then ended
 */
export async function startProgram(
  script: string,
  { environment, cwd, ready, signal }: ProgramOptions,
): Promise<Program> {
  const child = spawn(process.execPath, [script], { cwd, env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await exited;
  };
  const line = new Promise<string>((resolve) => {
    createInterface(child.stdout).on('line', (text) => {
      const [, found] = ready.exec(text) ?? [];
      if (found !== undefined) resolve(found);
    });
  });
  try {
    const found = await unlessAborted(Promise.race([line, exited.then(() => undefined)]), signal);
    if (found !== undefined && child.pid !== undefined) return { found, pid: child.pid, stop };
  } catch (error) {
    await stop();
    throw error;
  }
  throw new Error(`${script} ended before it was ready.`);
}
