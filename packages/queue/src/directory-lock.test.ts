import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { DirectoryLock, DirectoryLockedError } from './directory-lock.js';
import { temporaryDirectory } from './test-fixtures.js';

async function directoryFor(test: TestContext): Promise<{ directory: string; claims: string }> {
  const { directory, remove } = await temporaryDirectory();
  test.after(remove);
  const claims = join(directory, 'claims');
  await mkdir(claims);
  return { directory, claims };
}

/** The name of the claim this process makes: `host~pid~start`. */
async function ownClaim(directory: string): Promise<string> {
  const lock = await DirectoryLock.acquire(directory);
  const [name = assert.fail()] = await readdir(join(directory, 'claims'));
  await lock.release();
  return name;
}

describe('a directory lock', { timeout: 30_000 }, () => {
  it('can be taken again once it is released, and leaves nothing behind', async (test) => {
    const { directory, claims } = await directoryFor(test);
    for (let round = 0; round < 2; round++) await (await DirectoryLock.acquire(directory)).release();
    assert.deepEqual(await readdir(claims), []);
  });

  it('is refused while another process lives that holds it, by name', async (test) => {
    const { directory, claims } = await directoryFor(test);
    const child = spawn(process.execPath, [
      '--input-type=module',
      '--eval',
      `import { DirectoryLock } from ${JSON.stringify(new URL('./directory-lock.js', import.meta.url).href)};
       await DirectoryLock.acquire(${JSON.stringify(directory)});
       console.log('held');
       setInterval(() => {}, 1000);`,
    ]);
    await once(child.stdout, 'data');
    await assert.rejects(DirectoryLock.acquire(directory), (error) => {
      assert.ok(error instanceof DirectoryLockedError);
      assert.equal(error.pid, child.pid);
      assert.ok(error.message.includes(String(child.pid)) && error.message.includes(directory));
      return true;
    });
    assert.equal((await readdir(claims)).length, 1);

    child.kill('SIGKILL');
    await once(child, 'close');
    await (await DirectoryLock.acquire(directory)).release();
    assert.deepEqual(await readdir(claims), []);
  });

  it('is taken over from a dead process whose id another process has now', async (test) => {
    const { directory, claims } = await directoryFor(test);
    const mine = await ownClaim(directory);
    const [host = assert.fail()] = mine.split('~');
    await writeFile(join(claims, `${host}~${process.ppid}~1`), '');
    await (await DirectoryLock.acquire(directory)).release();
    assert.deepEqual(await readdir(claims), []);
  });

  it('believes a claim from another host for as long as it is renewed', async (test) => {
    const { directory, claims } = await directoryFor(test);
    const claim = join(claims, 'elsewhere.boot~1~7');
    await writeFile(claim, '');
    await assert.rejects(DirectoryLock.acquire(directory), { name: 'DirectoryLockedError', pid: 1 });
    const aMinuteAgo = new Date(Date.now() - 60_000);
    await utimes(claim, aMinuteAgo, aMinuteAgo);
    await (await DirectoryLock.acquire(directory)).release();
  });

  it('ignores files that are no claims', async (test) => {
    const { directory, claims } = await directoryFor(test);
    const foreign = ['.DS_Store', 'a~b~c', '%~1~1', 'host~1'];
    for (const name of foreign) await writeFile(join(claims, name), '');
    await (await DirectoryLock.acquire(directory)).release();
    assert.equal((await readdir(claims)).length, foreign.length);
  });
});
