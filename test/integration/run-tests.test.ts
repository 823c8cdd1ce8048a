import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startProcess } from '../support/process.js';

describe('the command of the tests, on a machine where Redis can not be had', () => {
  let machine: string;
  const redisTest = fileURLToPath(import.meta.resolve('@tessera/runtime')).replace(
    /index\.js$/,
    'redis-connection.test.js',
  );

  before(async () => {
    machine = await mkdtemp(join(tmpdir(), 'tessera-machine-'));
    await mkdir(join(machine, 'bin'));
    for (const manager of ['python3', 'apt-get']) {
      const path = join(machine, 'bin', manager);
      await writeFile(path, '#!/bin/sh\necho "nothing to be had" >&2\nexit 1\n');
      await chmod(path, 0o755);
    }
    await symlink('/bin/sh', join(machine, 'bin', 'sh'));
  });

  after(async () => {
    await rm(machine, { recursive: true });
  });

  const runTests = async (environment: Record<string, string>) => {
    const command = startProcess(process.execPath, ['test/dist/support/run-tests.js', redisTest], {
      PATH: join(machine, 'bin'),
      TEST_PROGRAMS: join(machine, 'fetched'),
      BROWSER_TESTS: 'skip',
      PYTHON_TESTS: 'skip',
      ...environment,
    });
    return { exitCode: await command.exitCode(), output: command.output() };
  };

  it('fails and names what it left out', async () => {
    const { exitCode, output } = await runTests({});
    assert.equal(exitCode, 1);
    assert.match(output, /not from there: .*nothing to be had/);
    assert.match(output, /INCOMPLETE: these tests were left out\.\n.*redis-connection\.test\.js: a Redis connection/);
    assert.match(output, /install it, or accept that with REDIS_TESTS=skip\.\n$/);
  });

  it('names it, and passes, when that is accepted', async () => {
    const { exitCode, output } = await runTests({ REDIS_TESTS: 'skip' });
    assert.equal(exitCode, 0);
    assert.match(
      output,
      /INCOMPLETE: these tests were left out\.\n.*redis-connection\.test\.js: .* \(REDIS_TESTS=skip\)\n$/,
    );
  });
});
