import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rename, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { TesseraError } from '@tessera/contracts';
import { vocabularyKey, vocabularyKeyPrefix } from './blob-keys.js';
import { openFileBlobStore, type FileBlobStore, type FileBlobStoreOptions } from './file-blob-store.js';

const isUnavailable = (error: unknown) => TesseraError.isInstance(error) && error.code === 'TSR_QUEUE_UNAVAILABLE';

describe('a blob store in files', { timeout: 30_000 }, () => {
  let directory: string;
  let clock: number;
  let store: FileBlobStore;

  const open = (options: Partial<FileBlobStoreOptions> = {}) =>
    openFileBlobStore({
      directory,
      now: () => clock,
      onError: (error) => {
        throw error;
      },
      ...options,
    });

  const files = async () => {
    const found = await readdir(directory, { recursive: true, withFileTypes: true });
    return found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  };

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tessera-blobs-'));
    clock = 1_000_000;
    store = await open();
  });

  afterEach(async () => {
    await store.close();
    await rm(directory, { recursive: true });
  });

  it('finds vocabularies where earlier versions kept them', async () => {
    await store.put(vocabularyKey('old'), Buffer.from('x'), { ttlMs: null });
    const [path = ''] = await files();
    await mkdir(join(directory, '07'));
    await rename(path, join(directory, '07', basename(path)));
    assert.deepEqual(await store.list(vocabularyKeyPrefix), []);
    await store.close();
    store = await open();
    assert.deepEqual(await store.list(vocabularyKeyPrefix), [vocabularyKey('old')]);
    assert.ok(await store.has(vocabularyKey('old')));
  });

  it('says that the store is away when the file system fails, and works again once it does not', async () => {
    await rm(directory, { recursive: true });
    await writeFile(directory, 'a file in the place of the directory');
    const operations = [
      () => store.put('key', Buffer.from('x'), { ttlMs: 1_000 }),
      () => store.putNew('key', Buffer.from('x'), { ttlMs: 1_000 }),
      () => store.get('key'),
      () => store.has('key'),
      () => store.touch('key', { ttlMs: 1_000 }),
      () => store.list('k'),
    ];
    for (const operation of operations) await assert.rejects(operation, isUnavailable);
    await rm(directory);
    await store.put('key', Buffer.from('x'), { ttlMs: 1_000 });
    assert.ok(await store.has('key'));
    await assert.rejects(store.put('', Buffer.from('x'), { ttlMs: 1_000 }), RangeError);
  });

  it('sweeps what has expired and nothing else', async () => {
    for (let index = 0; index < 20; index++) await store.put(`brief-${index}`, Buffer.from('x'), { ttlMs: 1_000 });
    await store.put('long', Buffer.from('x'), { ttlMs: 3_000 });
    await store.put('kept', Buffer.from('x'), { ttlMs: null });
    clock += 1_000;
    await store.sweep();
    assert.deepEqual((await store.list('')).sort(), ['kept', 'long']);
    assert.equal((await files()).length, 2);
  });

  it('sweeps a bounded number of files a time, and all of them in the end', async () => {
    const bounded = await open({ sweepFiles: 5 });
    for (let index = 0; index < 60; index++) await store.put(`brief-${index}`, Buffer.from('x'), { ttlMs: 1_000 });
    clock += 1_000;
    await bounded.sweep();
    const left = (await files()).length;
    assert.ok(left >= 45 && left <= 55, `${left} files left`);
    for (let round = 0; round < 20; round++) await bounded.sweep();
    assert.equal((await files()).length, 0);
    await bounded.close();
  });

  it('sweeps by itself', async () => {
    const sweeping = await open({ sweepIntervalMs: 20 });
    await sweeping.put('brief', Buffer.from('x'), { ttlMs: 1_000 });
    clock += 1_000;
    while ((await files()).length > 0) await delay(10);
    await sweeping.close();
  });

  it('takes a damaged blob for missing and lets it be replaced', async () => {
    await store.put('key', Buffer.from('0123456789'), { ttlMs: null });
    const [path = assert.fail()] = await files();
    for (const damage of [() => truncate(path, 30), () => truncate(path, 3), () => writeFile(path, 'x'.repeat(34))]) {
      await damage();
      assert.equal(await store.get('key'), null);
      assert.equal(await store.has('key'), false);
      assert.equal(await store.touch('key', { ttlMs: 1_000 }), false);
      assert.deepEqual(await store.list(''), []);
      await store.put('key', Buffer.from('0123456789'), { ttlMs: null });
      assert.equal(Buffer.from((await store.get('key')) ?? []).toString(), '0123456789');
    }
    await truncate(path, 3);
    await store.sweep();
    assert.deepEqual(await files(), []);
  });

  it('leaves foreign files alone', async () => {
    await mkdir(join(directory, 'ab', 'deeper.blob'), { recursive: true });
    const foreign = [
      join(directory, 'notes.txt'),
      join(directory, 'ab', 'notes.txt'),
      join(directory, 'ab', 'zz.blob'),
    ];
    for (const path of foreign) await writeFile(path, 'mine');
    assert.deepEqual(await store.list(''), []);
    await store.sweep();
    assert.deepEqual((await files()).sort(), [...foreign].sort());
  });

  it('removes what a killed writer left behind, once it is old', async () => {
    await mkdir(join(directory, 'ab'));
    const path = join(directory, 'ab', '1234.temporary');
    await writeFile(path, 'half');
    await store.sweep();
    assert.deepEqual(await files(), [path]);
    const yesterday = new Date(Date.now() - 86_400_000);
    await utimes(path, yesterday, yesterday);
    await store.sweep();
    assert.deepEqual(await files(), []);
  });

  it('keeps every blob whose put had resolved when the process is killed', async () => {
    const script = `
      import { openFileBlobStore } from ${JSON.stringify(new URL('./index.js', import.meta.url).href)};
      const store = await openFileBlobStore({ directory: ${JSON.stringify(directory)}, onError: console.error });
      for (let index = 0; ; index++) {
        await store.put('blob-' + index, Buffer.alloc(50_000, index), { ttlMs: null });
        process.stdout.write(index + '\\n');
      }`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    while (output.split('\n').length < 20) await delay(5);
    child.kill('SIGKILL');
    await once(child, 'close');
    const stored = output.split('\n').length - 1;
    for (let index = 0; index < stored; index++) {
      const bytes = await store.get(`blob-${index}`);
      assert.deepEqual(Buffer.from(bytes ?? []), Buffer.alloc(50_000, index));
    }
  });
});
