import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FileHashes } from './file-hashes.js';
import { temporaryDirectory } from './test-bundle.js';

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');

/** Hashes a file of 12 bytes as a start of the service does; files of 10 bytes are large here. */
async function startAndHash(records: readonly string[], file: string, expected: string): Promise<string> {
  const hashes = await FileHashes.open(records, 10);
  const sha256 = await hashes.sha256(file, expected);
  await hashes.save();
  return sha256;
}

async function prepared(t: TestContext) {
  const directory = await temporaryDirectory(t);
  const [record, file] = [path.join(directory, 'hashes.json'), path.join(directory, 'weights')];
  await writeFile(file, 'some weights');
  await sleep(150);
  return { directory, record, file };
}

/** Puts another hash into the record, which no reading of the file would give. */
async function forge(record: string): Promise<string> {
  const forged = 'f'.repeat(64);
  const entries = await readFile(record, 'utf8');
  await writeFile(record, entries.replaceAll(/[0-9a-f]{64}/g, forged));
  return forged;
}

test('a large file is read once and remembered', async (t) => {
  const { record, file } = await prepared(t);
  assert.equal(await startAndHash([record], file, hashOf('some weights')), hashOf('some weights'));
  const forged = await forge(record);
  assert.equal(await startAndHash([record], file, forged), forged, 'the file was read again');
  // Of any other hash than the remembered one it is not known whose fault it is.
  assert.equal(await startAndHash([record], file, hashOf('other')), hashOf('some weights'));
  assert.equal(await startAndHash([], file, forged), hashOf('some weights'), 'no record, nothing remembered');
});

test('a small file is read at every start', async (t) => {
  const { record, file } = await prepared(t);
  await writeFile(file, 'few');
  await sleep(150);
  assert.equal(await startAndHash([record], file, hashOf('few')), hashOf('few'));
  await assert.rejects(stat(record));
});

test('a file that was changed is read again, whatever times it is given', async (t) => {
  const { record, file } = await prepared(t);
  const expected = hashOf('some weights');
  await startAndHash([record], file, expected);
  const { atime, mtime } = await stat(file);
  await writeFile(file, 'evil weights');
  assert.equal(await startAndHash([record], file, expected), hashOf('evil weights'));
  await utimes(file, atime, mtime);
  assert.equal(await startAndHash([record], file, expected), hashOf('evil weights'));

  await writeFile(`${file}.new`, 'evil weights');
  await utimes(`${file}.new`, atime, mtime);
  await rename(`${file}.new`, file);
  assert.equal(await startAndHash([record], file, expected), hashOf('evil weights'));
});

test('a file that was written a moment ago is not remembered yet', async (t) => {
  const { record, file } = await prepared(t);
  // A minute ahead, so that the moment lasts on a slow machine.
  await utimes(file, new Date(), new Date(Date.now() + 60_000));
  await startAndHash([record], file, hashOf('some weights'));
  await assert.rejects(stat(record));
  await utimes(file, new Date(), new Date(Date.now() - 60_000));
  await sleep(150);
  await startAndHash([record], file, hashOf('some weights'));
  await stat(record);
});

test('a damaged record is as none, and replaced', async (t) => {
  const { record, file } = await prepared(t);
  const expected = hashOf('some weights');
  for (const damage of ['', '{', '[]', 'null', '{"weights": 1}', '{"__proto__": {"state": "", "sha256": "x"}}', '\0']) {
    await writeFile(record, damage);
    assert.equal(await startAndHash([record], file, expected), expected, damage);
    assert.equal(await startAndHash([record], file, await forge(record)), 'f'.repeat(64), damage);
  }
});

test('where the first record cannot be written the next one is', async (t) => {
  const { directory, record, file } = await prepared(t);
  // Root may write to any directory, but to a file's name that is a directory nobody can.
  const unwritable = path.join(directory, 'taken');
  await mkdir(path.join(unwritable, 'by a directory'), { recursive: true });
  const fallback = path.join(directory, 'data', 'hashes.json');
  await startAndHash([unwritable, fallback], file, hashOf('some weights'));
  const forged = await forge(fallback);
  assert.equal(await startAndHash([unwritable, fallback], file, forged), forged);
  await startAndHash([unwritable, unwritable], file, hashOf('some weights'));
  assert.deepEqual((await readdir(directory)).sort(), ['data', 'taken', 'weights'], 'nothing is left behind');
  await assert.rejects(stat(record));
});

test('several processes may write the record at once', async (t) => {
  const { directory, record, file } = await prepared(t);
  const expected = hashOf('some weights');
  await Promise.all(Array.from({ length: 8 }, () => startAndHash([record], file, expected)));
  const forged = await forge(record);
  assert.equal(await startAndHash([record], file, forged), forged);
  assert.deepEqual((await readdir(directory)).sort(), ['hashes.json', 'weights']);
});
