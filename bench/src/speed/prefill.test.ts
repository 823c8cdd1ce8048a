import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const command = fileURLToPath(new URL('prefill.js', import.meta.url));

function start(words: readonly string[], directory: string) {
  const environment = { ...process.env, TMPDIR: directory };
  return spawn(process.execPath, [command, ...words], { env: environment, stdio: ['ignore', 'ignore', 'pipe'] });
}

/** In place of Python: writes a file into the directory that it is given last, and goes on. */
const standIn = `#!${process.execPath}
require('node:fs').writeFileSync(process.argv.at(-1) + '/weights', '');
setInterval(() => undefined, 1000);
`;

async function emptyDirectory(context: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'prefill-test-'));
  context.after(() => rm(directory, { recursive: true }));
  return directory;
}

test('a mistake in the flags is wrong usage', async (context) => {
  const child = start(['--shape', 'tiny', '--rounds', '0'], await emptyDirectory(context));
  const [errors, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  assert.deepEqual([code, errors], [2, '--rounds is a whole number from 1 to 100\n']);
});

for (const [signal, expected] of [
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const) {
  test(`${signal} leaves no weights behind`, async (context) => {
    const [directory, other] = [await emptyDirectory(context), await emptyDirectory(context)];
    const python = join(other, 'python');
    await writeFile(python, standIn);
    await chmod(python, 0o755);
    const child = start(['--shape', 'tiny', '--python', python], directory);
    const ended = once(child, 'exit');
    const filesIn = () => readdir(directory, { recursive: true });
    while (!(await filesIn()).some((name) => name.endsWith('weights')) && child.exitCode === null) await pause(50);
    child.kill(signal);
    assert.deepEqual([(await ended)[0], await filesIn()], [expected, []]);
  });
}
