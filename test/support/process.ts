import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { repositoryRoot } from './repository-copy.js';

export interface RunningProcess {
  readonly child: ChildProcess;
  /** Everything that the process printed so far, stdout and stderr together. */
  output(): string;
  /** Resolves with the first match in the output; rejects when the process ends or the time is up first. */
  waitForOutput(pattern: RegExp, timeoutMs: number): Promise<RegExpMatchArray>;
  /** Resolves with the exit code once the process has ended by itself and its output is read (null when a signal ended it). */
  exitCode(): Promise<number | null>;
  /** Sends the signal and resolves with the exit code (null when a signal ended it). */
  stop(signal: NodeJS.Signals): Promise<number | null>;
}

/** Starts a program with only the given environment on top of PATH and HOME. */
export function startProcess(
  command: string,
  commandArguments: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): RunningProcess {
  const child = spawn(command, commandArguments, {
    cwd: repositoryRoot,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  const listeners = new Set<() => void>();
  const notify = () => {
    for (const listener of listeners) listener();
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      notify();
    });
  }
  const exited = once(child, 'exit');
  void exited.then(notify);
  // Later than its exit, when all that it printed is read.
  const closed = once(child, 'close');

  return {
    child,
    output: () => text,
    waitForOutput: (pattern, timeoutMs) =>
      new Promise((resolve, reject) => {
        const finish = (settle: () => void) => {
          clearTimeout(timer);
          listeners.delete(check);
          settle();
        };
        const check = () => {
          const match = pattern.exec(text);
          if (match) {
            finish(() => {
              resolve(match);
            });
          } else if (child.exitCode !== null || child.signalCode !== null) {
            finish(() => {
              reject(new Error(`${command} ended before it printed ${String(pattern)}:\n${text}`));
            });
          }
        };
        const timer = setTimeout(() => {
          finish(() => {
            reject(new Error(`${command} did not print ${String(pattern)} in ${timeoutMs} ms:\n${text}`));
          });
        }, timeoutMs);
        listeners.add(check);
        check();
      }),
    async exitCode() {
      await closed;
      return child.exitCode;
    },
    async stop(signal) {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      await exited;
      return child.exitCode;
    },
  };
}
