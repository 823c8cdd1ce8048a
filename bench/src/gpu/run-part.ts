import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { PartResult } from './gpu-result.js';

/** A program that measures something and prints what it finds, a line of JSON for each finding. */
export interface PartPlan {
  readonly name: string;
  readonly program: string;
  readonly words: readonly string[];
  readonly cwd: string;
  readonly environment: NodeJS.ProcessEnv;
  /** After so long it is ended, with everything that it has started. */
  readonly limitSeconds: number;
}

const errorLength = 500;

/** Runs a part within its limit. A part that fails gives its error in place of an exception. */
export async function runPart(plan: PartPlan): Promise<PartResult> {
  const { name, program, words, cwd, environment, limitSeconds } = plan;
  const startedAt = performance.now();
  const rows: Record<string, unknown>[] = [];
  let [errors, isLate] = ['', false];
  // A process group of its own, which is ended as a whole.
  const child = spawn(program, words, { cwd, env: environment, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const timer = setTimeout(() => {
    isLate = true;
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }, limitSeconds * 1000);
  createInterface(child.stdout).on('line', (line) => {
    if (line.startsWith('{')) rows.push(JSON.parse(line) as Record<string, unknown>);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-errorLength)));
  const end = await once(child, 'close').then(
    ([code, signal]) => (code === 0 ? undefined : `it ended with ${String(code ?? signal)}: ${errors.trim()}`),
    (error: unknown) => String(error),
  );
  clearTimeout(timer);
  const error = isLate ? `it was ended after its limit of ${limitSeconds} s` : end;
  const seconds = (performance.now() - startedAt) / 1000;
  return { name, limit_seconds: limitSeconds, seconds, rows, ...(error === undefined ? {} : { error }) };
}
