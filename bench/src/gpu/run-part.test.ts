import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, it } from 'node:test';
import { runPart, type PartPlan } from './run-part.js';

function plan(code: string, limitSeconds = 30): PartPlan {
  const words = ['--input-type=module', '--eval', code];
  return { name: 'part', program: process.execPath, words, cwd: tmpdir(), environment: process.env, limitSeconds };
}

describe('a part of the benchmark', () => {
  it('gives the rows that its program prints', async () => {
    const result = await runPart(
      plan('console.log("words"); for (const ms of [1, 2]) console.log(JSON.stringify({ ms }))'),
    );
    assert.deepEqual(result.rows, [{ ms: 1 }, { ms: 2 }]);
    assert.equal(result.error, undefined);
  });

  it('keeps what it found before it failed, and says why', async () => {
    const result = await runPart(plan('console.log("{}"); console.error("no memory"); process.exitCode = 3'));
    assert.deepEqual(result.rows, [{}]);
    assert.equal(result.error, 'it ended with 3: no memory');
    const missing = await runPart({ ...plan(''), program: '/nowhere/python' });
    assert.match(missing.error ?? '', /ENOENT/);
  });

  it('is ended after its limit, with everything that it has started', async () => {
    const code = `import { spawn } from 'node:child_process';
      const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)'], { stdio: 'inherit' });
      console.log(JSON.stringify({ pid: child.pid }));
      setTimeout(() => {}, 60_000);`;
    const result = await runPart(plan(code, 2));
    assert.equal(result.error, 'it was ended after its limit of 2 s');
    assert.ok(result.seconds < 20, `${result.seconds} s`);
    const pid = Number(result.rows[0]?.pid);
    for (let tries = 0; tries < 50 && isAlive(pid); tries += 1) await delay(100);
    assert.ok(!isAlive(pid));
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
