import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it, type TestContext } from 'node:test';

/** Far less than the drain, and the five seconds after it. */
const soonMs = 3_000;

/** Runs a script until it has printed `ready`, then sends SIGTERM; gives the exit code and how long the end took. */
async function terminated(test: TestContext, script: string) {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    env: { PATH: process.env.PATH, LOG_LEVEL: 'silent' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  test.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const startedAt = performance.now();
  child.kill('SIGTERM');
  const [code] = (await once(child, 'exit')) as [number | null];
  return { code, ms: performance.now() - startedAt };
}

const moduleUrl = (name: string) => JSON.stringify(new URL(name, import.meta.url).href);

describe('a service that is told to stop', { timeout: 60_000 }, () => {
  it('while its modules load, ends by itself', async (test) => {
    const script = `import ${moduleUrl('./early-signals.js')}; setInterval(() => {}, 1000); console.log('ready');`;
    const { code, ms } = await terminated(test, script);
    assert.equal(code, 0);
    assert.ok(ms < soonMs);
  });

  it('while it starts, does not wait for the end of the start', async (test) => {
    const { code, ms } = await terminated(
      test,
      `import { runService } from ${moduleUrl('./process.js')};
       await runService({ name: 'service', needsRedis: false }, () => {
         setInterval(() => {}, 1000);
         console.log('ready');
         return new Promise(() => {});
       });`,
    );
    assert.equal(code, 0);
    assert.ok(ms < soonMs);
  });

  it('after its start, closes its parts in their order', async (test) => {
    const { code } = await terminated(
      test,
      `import { runService } from ${moduleUrl('./process.js')};
       let closed = 0;
       const part = (place) => ({ close: async () => { if (closed++ !== place) process.exit(2); } });
       await runService({ name: 'service', needsRedis: false }, async () => [part(0), part(1)]);
       process.on('exit', () => { if (closed !== 2) process.exitCode = 3; });
       setInterval(() => {}, 1000);
       console.log('ready');`,
    );
    assert.equal(code, 0);
  });
});
