import { readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const heartbeatMs = 2_000;
/** A claim that cannot be checked by its process counts as dead after this long without a heartbeat. */
const silentAfterMs = 10_000;
const attempts = 5;

/** A running process holds the directory. */
export class DirectoryLockedError extends Error {
  readonly pid: number;

  constructor(directory: string, pid: number, host: string) {
    super(`${directory} is in use by process ${pid} on ${host}; a data directory serves one process at a time`);
    this.name = 'DirectoryLockedError';
    this.pid = pid;
  }
}

interface Claim {
  readonly host: string;
  readonly pid: number;
  /** When the process started, by its operating system; `unknown` where the system does not say. */
  readonly processStart: string;
}

/**
 * Holds a directory for this process. A claim is an empty file named after the process that made it. A process writes its
 * claim first and reads the others second, so of two processes at least one sees the other, and a dead process's claim
 * can be removed without ever removing that of a running one. The claim has the process's start time, host and boot, as
 * process ids are reused. Claims from elsewhere, such as another container, count for as long as they have a heartbeat.
 */
export class DirectoryLock {
  readonly #path: string;
  readonly #heartbeat: NodeJS.Timeout;

  private constructor(path: string) {
    this.#path = path;
    this.#heartbeat = setInterval(() => {
      const now = new Date();
      utimes(path, now, now).catch(() => undefined);
    }, heartbeatMs);
    this.#heartbeat.unref();
  }

  /** @throws DirectoryLockedError when a living process holds the directory */
  static async acquire(directory: string): Promise<DirectoryLock> {
    const claims = join(directory, 'claims');
    await mkdir(claims, { recursive: true });
    const mine = fileName({ host: thisHost, pid: process.pid, processStart: await processStart(process.pid) });
    const path = join(claims, mine);
    for (let attempt = 1; ; attempt++) {
      await writeFile(path, '', { flag: 'wx' });
      const holder = await findHolder(claims, mine);
      if (holder === null) return new DirectoryLock(path);
      await rm(path);
      if (attempt === attempts) throw new DirectoryLockedError(directory, holder.pid, holder.host);
      // The holder may have started at the same moment and be about to withdraw its claim too.
      await delay(50 + Math.random() * 100);
    }
  }

  async release(): Promise<void> {
    clearInterval(this.#heartbeat);
    await rm(this.#path, { force: true });
  }
}

async function findHolder(claims: string, mine: string): Promise<Claim | null> {
  for (const name of await readdir(claims)) {
    const claim = name === mine ? null : parseFileName(name);
    if (claim === null) continue;
    const path = join(claims, name);
    if (await isAlive(claim, path)) return claim;
    await rm(path, { force: true });
  }
  return null;
}

async function isAlive(claim: Claim, path: string): Promise<boolean> {
  if (claim.host === thisHost) {
    if (!processExists(claim.pid)) return false;
    const started = await processStart(claim.pid);
    if (started !== 'unknown' && claim.processStart !== 'unknown') return started === claim.processStart;
  }
  const stats = await stat(path).catch(() => null);
  return stats !== null && Date.now() - stats.mtimeMs < silentAfterMs;
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Field 22 of proc(5)'s `stat`: the start time in clock ticks since boot. */
async function processStart(pid: number): Promise<string> {
  try {
    const line = await readFile(`/proc/${pid}/stat`, 'latin1');
    // The second field is the program's name in parentheses, which may itself contain spaces and parentheses.
    return line.slice(line.lastIndexOf(')') + 2).split(' ')[19] ?? 'unknown';
  } catch {
    return 'unknown';
  }
}

/** As part of a file name; other characters are replaced, as different hosts only need different names. */
const thisHost = `${hostname()}.${bootId()}`.replaceAll(/[^\w.-]/g, '-');

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').slice(0, 8);
  } catch {
    return 'unknown';
  }
}

function fileName({ host, pid, processStart }: Claim): string {
  return [host, pid, processStart].join('~');
}

function parseFileName(name: string): Claim | null {
  const match = /^([\w.-]+)~(\d+)~(\w+)$/.exec(name);
  if (match === null) return null;
  const [, host = '', pid = '', processStart = ''] = match;
  return { host, pid: Number(pid), processStart };
}
