import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { redisSkipReason, RedisServer } from '@tessera/runtime/testing';
import { copyRepository, repositoryRoot } from '../support/repository-copy.js';
import { drawnPicture, postJob } from '../support/requests.js';
import { startGateway, type HttpService } from '../support/services.js';

const run = promisify(execFile);
const workspaces = ['services/gateway', 'packages/cli'];
const nativeCompiler = `node_modules/@typescript/typescript-${process.platform}-${process.arch}`;

/** What docs/guides/deployment.md says of hosts that run no models. */
describe('a gateway and a client installed without optional dependencies', { timeout: 300_000 }, () => {
  let copy: string;

  before(async () => {
    copy = await copyRepository();
    const selected = workspaces.flatMap((workspace) => ['--workspace', workspace]);
    const install = ['ci', '--omit=optional', ...selected, '--include-workspace-root', '--prefer-offline'];
    await run('npm', install, { cwd: copy });
    // Optional, too: the compiler that is written in TypeScript finds the same, in a minute and a half.
    if (existsSync(join(repositoryRoot, nativeCompiler))) {
      await mkdir(join(copy, nativeCompiler, '..'), { recursive: true });
      await symlink(join(repositoryRoot, nativeCompiler), join(copy, nativeCompiler));
    }
    await run('node', ['scripts/build.js', ...workspaces], { cwd: copy });
  });

  after(() => rm(copy, { recursive: true, force: true }));

  it('has neither ONNX Runtime nor the native part of sharp', () => {
    const installed = (name: string) => existsSync(join(copy, 'node_modules', name));
    assert.ok(installed('fastify'));
    assert.ok(!installed('onnxruntime-node'));
    assert.ok(!installed(`@img/sharp-${process.platform}-${process.arch}`));
  });

  it('has a client with a command line', async () => {
    const { stdout } = await run('npx', ['tessera', '--help'], { cwd: copy });
    assert.match(stdout, /Usage: tessera/);
  });

  it('is whole to `doctor`, which notes that models need more', async () => {
    // Ends with 1, since no service runs here.
    const doctor = run('npx', ['tessera', 'doctor', '--json', '--url', 'http://127.0.0.1:9'], { cwd: copy });
    const { stdout } = await doctor.catch((error: unknown) => error as { stdout: string });
    const found = JSON.parse(stdout) as { check: string; status: string; remedy?: string }[];
    for (const name of ['onnxruntime-node', 'sharp']) {
      const { status, remedy } = found.find(({ check }) => check === name) ?? assert.fail(`${name} is not checked`);
      assert.deepEqual([status, remedy?.split('.')[0]], ['note', 'A gateway and this command line work without it']);
    }
  });

  it('has a gateway that accepts jobs', { skip: redisSkipReason }, async () => {
    const redis = await RedisServer.start();
    let gateway: HttpService | undefined;
    try {
      gateway = await startGateway({ REDIS_URL: redis.url }, copy);
      assert.equal((await fetch(`${gateway.url}/livez`)).status, 200);
      assert.match(await postJob(gateway.url, await drawnPicture(), 'the sign'), /./);
    } finally {
      await gateway?.process.stop('SIGKILL');
      await redis.remove();
    }
  });
});
