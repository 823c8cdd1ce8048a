import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { imagesBelow } from './directory-images.js';

let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tessera-cli-'));
});
after(() => rm(directory, { recursive: true }));

async function directoryOf(name: string, files: readonly string[], links: Readonly<Record<string, string>>) {
  const root = join(directory, name);
  await mkdir(join(root, 'more'), { recursive: true });
  for (const file of files) await writeFile(join(root, file), file);
  for (const [link, target] of Object.entries(links)) await symlink(target, join(root, link));
  return root;
}

describe('the images below a directory', () => {
  it('end where a link leads back up', async () => {
    const links = { self: '.', 'more/up': '..', 'more/loop': 'loop' };
    const root = await directoryOf('loops', ['a.jpg', 'more/b.png', 'notes.txt'], links);
    assert.deepEqual(await imagesBelow(root), ['a.jpg', 'more/b.png']);
  });

  it('are there once, under their own names', async () => {
    const root = await directoryOf('twice', ['more/b.jpg'], { 'a.jpg': 'more/b.jpg', again: 'more' });
    assert.deepEqual(await imagesBelow(root), ['more/b.jpg']);
  });

  it('may be elsewhere, by a link to a file or to a directory', async () => {
    const elsewhere = await directoryOf('elsewhere', ['c.jpg', 'more/d.jpg'], {});
    const root = await directoryOf('here', [], { 'c.jpg': join(elsewhere, 'c.jpg'), rest: elsewhere });
    assert.deepEqual(await imagesBelow(root), ['c.jpg', 'rest/more/d.jpg']);
  });

  it('have links to nothing among them, and no directories that are called like images', async () => {
    const root = await directoryOf('odd', [], { 'lost.jpg': 'nowhere.jpg' });
    await mkdir(join(root, 'folder.jpg'));
    assert.deepEqual(await imagesBelow(root), ['lost.jpg']);
  });
});
