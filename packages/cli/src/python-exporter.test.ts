import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { tessera } from './test-command.js';

describe('`bundle export`', () => {
  let directory: string;
  const folders = ['--checkpoint', 'LISA', '--clip', 'clip', '--out', 'models/lisa'];

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tessera-export-'));
  });
  after(() => rm(directory, { recursive: true }));

  /** A program that answers as a Python. */
  async function python(name: string, lines: string): Promise<string> {
    const path = join(directory, name);
    await writeFile(path, `#!/bin/sh\n${lines}\n`);
    await chmod(path, 0o755);
    return path;
  }

  it('says what it needs when an option is missing', async () => {
    const { code, errors } = await tessera(['bundle', 'export', 'lisa', '--clip', 'clip']);
    assert.equal(code, 2);
    assert.match(errors, /--checkpoint, --out is missing/);
  });

  it('says what to install where there is no Python', async () => {
    const { code, errors } = await tessera(['bundle', 'export', 'lisa', ...folders, '--python', '/nowhere/python']);
    assert.equal(code, 1);
    assert.match(errors, /There is no "\/nowhere\/python"\. Install Python 3\.11/);
  });

  it('says what to install where Python lacks modules', async () => {
    const bare = await python('bare', 'echo torch onnx');
    const { code, errors } = await tessera(['bundle', 'export', 'lisa', ...folders], { TESSERA_PYTHON: bare });
    assert.equal(code, 1);
    assert.match(errors, /lacks torch, onnx\. In .* run `.*bare -m pip install -e 'training\[export\]'`/);
  });

  it('refuses an old Python', async () => {
    const old = await python('old', 'echo version 3.9.2 >&2; exit 1');
    const { code, errors } = await tessera(['bundle', 'export', 'lisa', ...folders, '--python', old]);
    assert.equal(code, 1);
    assert.match(errors, /version 3\.9\.2\. The exporter needs Python 3\.11/);
  });

  it('runs the exporter with absolute paths, and fails as it does', async () => {
    const log = join(directory, 'log');
    const good = await python('good', `[ "$1" = -c ] || echo "$PWD $@" >> ${log}`);
    const words = ['bundle', 'export', 'lisa', ...folders, '--precision', 'int4', '--dry-run', '--python'];
    assert.equal((await tessera([...words, good])).code, 0);
    const called = await readFile(log, 'utf8');
    assert.match(
      called,
      /training -m tessera_export\.lisa --checkpoint \/.*LISA --clip \/.*clip --out \/.*lisa --precision int4 --dry-run/,
    );
    const bad = await python('bad', '[ "$1" = -c ] || exit 3');
    const { code, errors } = await tessera([...words, bad]);
    assert.equal(code, 1);
    assert.match(errors, /The export of lisa failed/);
  });
});
