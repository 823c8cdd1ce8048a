import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { imagesBelow, unreadSentence } from './directory-images.js';

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
    assert.deepEqual((await imagesBelow(root)).images, ['a.jpg', 'more/b.png']);
  });

  it('are there once, under their own names', async () => {
    const root = await directoryOf('twice', ['more/b.jpg'], { 'a.jpg': 'more/b.jpg', again: 'more' });
    assert.deepEqual((await imagesBelow(root)).images, ['more/b.jpg']);
  });

  it('may be elsewhere, by a link to a file or to a directory', async () => {
    const elsewhere = await directoryOf('elsewhere', ['c.jpg', 'more/d.jpg'], {});
    const root = await directoryOf('here', [], { 'c.jpg': join(elsewhere, 'c.jpg'), rest: elsewhere });
    assert.deepEqual((await imagesBelow(root)).images, ['c.jpg', 'rest/more/d.jpg']);
  });

  it('have links to nothing among them, and no directories that are called like images', async () => {
    const root = await directoryOf('odd', [], { 'lost.jpg': 'nowhere.jpg' });
    await mkdir(join(root, 'folder.jpg'));
    assert.deepEqual((await imagesBelow(root)).images, ['lost.jpg']);
  });

  it('are recognised by their names, and hidden files are left out', async () => {
    const root = await directoryOf('names', ['a.jfif', 'B.JPEG', '._a.jpg', '.b.jpg', 'c.txt'], {});
    await mkdir(join(root, '.thumbnails'));
    await writeFile(join(root, '.thumbnails', 'd.jpg'), 'd');
    const { images, unread } = await imagesBelow(root);
    assert.deepEqual([images, unread], [['B.JPEG', 'a.jfif'], []]);
  });

  it('do not include formats that the service does not read, which are named with what to do', async () => {
    const root = await directoryOf('phone', ['1.HEIC', '2.heic', '3.dng', '4.heif', '5.jpg'], {});
    const { images, unread } = await imagesBelow(root);
    assert.deepEqual([images, unread], [['5.jpg'], ['1.HEIC', '2.heic', '3.dng', '4.heif']]);
    const expected =
      'Left out: 1.HEIC, 2.heic, 3.dng and 1 more. The service does not read HEIC, DNG, HEIF; convert them to JPEG or PNG first.';
    assert.equal(unreadSentence(unread), expected);
    await rm(join(root, '5.jpg'));
    await assert.rejects(imagesBelow(root), { message: `There are no images in ${root}. ${expected}` });
  });
});
