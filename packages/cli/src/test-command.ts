import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
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
  const write = (bytes: Uint8Array) => {
    output += Buffer.from(bytes).toString('latin1');
  };
  const flush = () => Promise.resolve();
  const outputLost = new AbortController().signal;
  const screen = { print, write, say, progress: say, outputLost, flush };
  const code = await runCommandLine(words, environment, screen);
  return { code, output, errors };
}

/** The command line in a process of its own, with nothing in its environment. */
export class CommandProcess {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  #output = Buffer.alloc(0);
  #errors = '';

  /** @param outputPath - a file or device to write the results to */
  constructor(words: readonly string[], outputPath?: string) {
    const output = outputPath === undefined ? undefined : openSync(outputPath, 'w');
    this.#child = spawn(process.execPath, [bin, ...words], { env: {}, stdio: ['pipe', output ?? 'pipe', 'pipe'] });
    if (output !== undefined) closeSync(output);
    this.#child.stdout?.on('data', (bytes: Buffer) => (this.#output = Buffer.concat([this.#output, bytes])));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#errors += text));
    this.#closed = once(this.#child, 'close');
  }

  /** Gives the command its standard input, whole. */
  send(bytes: Uint8Array): void {
    this.#child.stdin?.end(bytes);
  }

  /** Reads no more of a stream. */
  close(stream: 'stdout' | 'stderr'): void {
    this.#child[stream]?.destroy();
  }

  interrupt(): void {
    this.#child.kill('SIGINT');
  }

  /** What it wrote on the standard output, as bytes. */
  get output(): Buffer {
    return this.#output;
  }

  async outcome(): Promise<Outcome> {
    await this.#closed;
    return { code: this.#child.exitCode, output: this.#output.toString(), errors: this.#errors };
  }
}
