import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, readFileSync, type WriteStream } from 'node:fs';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { repositoryRoot } from '../support/repository-copy.js';

/** Longer than a start takes on a machine that is busy with much else. */
const startTimeoutMs = 300_000;
/** Pause before a service that has ended by itself is started again. */
const restartPauseMs = 1_000;

/** A service that is started again, in the same way, after each of its deaths, as an orchestrator does. */
export class RestartedService {
  readonly name: string;
  readonly #script: string;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #readyPattern: RegExp;
  readonly #log: WriteStream;
  #child: ChildProcess | undefined;
  #starts = 0;
  #ownDeaths = 0;
  #isReady = false;
  #isEnding = false;

  /**
   * @param logPath - file for everything that the service prints
   * @param readyPattern - what it prints when it is ready
   */
  constructor(
    name: string,
    script: string,
    environment: Readonly<Record<string, string>>,
    readyPattern: RegExp,
    logPath: string,
  ) {
    this.name = name;
    this.#script = script;
    this.#environment = environment;
    this.#readyPattern = readyPattern;
    this.#log = createWriteStream(logPath, { flags: 'a' });
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** How often it was started. */
  get starts(): number {
    return this.#starts;
  }

  /** Whether it has been ready since its last start. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** How often it has ended although nobody ended it. */
  get ownDeaths(): number {
    return this.#ownDeaths;
  }

  /** Starts it, and waits until it is ready, or has ended before that. */
  async start(): Promise<void> {
    this.#starts += 1;
    this.#isEnding = false;
    this.#isReady = false;
    const child = spawn(process.execPath, [this.#script], {
      cwd: repositoryRoot,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...this.#environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    const ended = once(child, 'exit').then(() => {
      if (this.#child === child && !this.#isEnding) void this.#revive();
    });
    const ready = new Promise<void>((resolve) => {
      for (const stream of [child.stdout, child.stderr]) {
        createInterface(stream).on('line', (line) => {
          this.#log.write(`${line}\n`);
          if (!this.#readyPattern.test(line)) return;
          if (this.#child === child) this.#isReady = true;
          resolve();
        });
      }
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`${this.name} was not ready within ${startTimeoutMs / 1000} s`));
      }, startTimeoutMs);
    });
    try {
      await Promise.race([ready, ended, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends it with a signal, and waits for its end. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#isEnding = true;
    if (child === undefined || !isRunning(child)) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  async #revive(): Promise<void> {
    this.#ownDeaths += 1;
    await delay(restartPauseMs);
    if (!this.#isEnding) await this.start().catch(() => undefined);
  }

  /** Processes that the running service has started itself (proc(5); Linux). */
  children(): number[] {
    const child = this.#child;
    if (child?.pid === undefined || !isRunning(child)) return [];
    try {
      const text = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
      return text.split(' ').filter(Boolean).map(Number);
    } catch {
      return [];
    }
  }

  /** Resident memory of the service and of its children, in megabytes; undefined when it is not running. */
  residentMegabytes(): { own: number; children: number } | undefined {
    const own = this.pid === undefined ? undefined : residentMegabytes(this.pid);
    if (own === undefined) return undefined;
    return { own, children: this.children().reduce((sum, pid) => sum + (residentMegabytes(pid) ?? 0), 0) };
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

function residentMegabytes(pid: number): number | undefined {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) / 1024;
  } catch {
    return undefined;
  }
}
