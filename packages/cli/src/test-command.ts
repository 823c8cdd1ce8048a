import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { runCommandLine } from './command-line.js';

const bin = fileURLToPath(new URL('../bin/tessera.js', import.meta.url));

/** How a command ended and what it printed. */
export interface Outcome {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs `tessera` with these words in this process. */
export async function tessera(
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  let [output, errors] = ['', ''];
  const say = (text: string) => {
    errors += `${text}\n`;
  };
  const print = (text: string) => {
    output += `${text}\n`;
  };
  const code = await runCommandLine(words, environment, { print, say, progress: say });
  return { code, output, errors };
}

/** The command line in a process of its own, with nothing in its environment. */
export class CommandProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #closed: Promise<unknown>;
  #output = '';
  #errors = '';

  constructor(words: readonly string[]) {
    this.#child = spawn(process.execPath, [bin, ...words], { env: {} });
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => (this.#output += text));
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#errors += text));
    this.#closed = once(this.#child, 'close');
  }

  interrupt(): void {
    this.#child.kill('SIGINT');
  }

  async outcome(): Promise<Outcome> {
    await this.#closed;
    return { code: this.#child.exitCode, output: this.#output, errors: this.#errors };
  }
}
