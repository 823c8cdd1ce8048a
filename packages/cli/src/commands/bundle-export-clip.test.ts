import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { tessera } from '../test-command.js';

describe('`bundle export clip`', () => {
  let directory: string;
  const call = ['bundle', 'export', 'clip', '--checkpoint', 'vit', '--out', 'models/clip'];

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tessera-export-'));
  });
  after(() => rm(directory, { recursive: true }));

  /** A program that answers as a Python. */
  async function python(lines: string): Promise<string> {
    const path = join(directory, 'python');
    await writeFile(path, `#!/bin/sh\n${lines}\n`);
    await chmod(path, 0o755);
    return path;
  }

  it('runs the exporter with absolute paths, and fails as it does', async () => {
    const log = join(directory, 'log');
    const good = await python(`[ "$1" = -c ] || echo "$PWD $@" >> ${log}`);
    const { code } = await tessera([...call, '--no-cuda', '--no-check', '--precision', 'float16'], {
      TESSERA_PYTHON: good,
    });
    assert.equal(code, 0);
    const called =
      /training -m tessera_export\.clip --checkpoint \/.*vit --out \/.*models\/clip --precision float16 --no-cuda --no-check\n/;
    assert.match(await readFile(log, 'utf8'), called);
    const failed = await tessera([...call, '--python', await python('[ "$1" = -c ] || exit 1')]);
    assert.equal(failed.code, 1);
    assert.match(failed.errors, /The export of clip failed/);
  });

  it('says what is missing', async () => {
    const bare = await python('echo transformers');
    assert.match((await tessera([...call, '--python', bare])).errors, /lacks transformers\..*'training\[export\]'/);
    const { code, errors } = await tessera(['bundle', 'export', 'clip', '--checkpoint', 'vit']);
    assert.equal(code, 2);
    assert.match(errors, /--out is missing/);
  });
});
