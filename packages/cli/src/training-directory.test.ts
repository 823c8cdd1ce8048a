import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { extract } from 'tar-stream';
import { openTrainingDirectory, type TrainingDirectory } from './training-directory.js';
import { UsageError } from './command-errors.js';

let place: string;
let directoryCount = 0;

before(async () => {
  place = await mkdtemp(join(tmpdir(), 'tessera-client-'));
});

after(() => rm(place, { recursive: true }));

/** A directory with these files; metadata that is no text is written as JSON. */
async function directoryOf(metadata: unknown, images: Readonly<Record<string, Uint8Array>> = {}): Promise<string> {
  const directory = join(place, `${directoryCount++}`);
  await mkdir(directory);
  if (metadata !== undefined) {
    await writeFile(
      join(directory, 'metadata.json'),
      typeof metadata === 'string' ? metadata : JSON.stringify(metadata),
    );
  }
  for (const [name, bytes] of Object.entries(images)) {
    const path = join(directory, 'images', name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
  }
  return directory;
}

async function bytesOf(directory: TrainingDirectory): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of directory.archive()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function unpack(archive: Buffer): Promise<[name: string, contents: Buffer][]> {
  const files: [string, Buffer][] = [];
  for await (const entry of Readable.from([archive]).pipe(extract())) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry as AsyncIterable<Buffer>) chunks.push(chunk);
    files.push([entry.header.name, Buffer.concat(chunks)]);
  }
  return files;
}

const row = (image: string) => ({ image, attr: 'red', obj: 'hat' });

describe('a training directory', () => {
  it('reads both spellings of its rows, and those of no set as for training', async () => {
    const rows = [
      { image: 'a.jpg', attr: 'red', obj: 'hat', set: 'train' },
      { image: 'images/b.jpg', attributes: ['big', 'red'], object: 'hat', set: 'val', note: 'ignored' },
      { image: 'c/c.jpg', attributes: 'blue', obj: 'shoe' },
      { image: 'c/c.jpg', attr: ['blue'], object: 'shoe', set: 'test' },
    ];
    const image = Buffer.from('image');
    const path = await directoryOf(rows, { 'a.jpg': image, 'b.jpg': image, 'c/c.jpg': Buffer.from('c') });
    const directory = await openTrainingDirectory(path);
    assert.deepEqual(directory.examples, [
      { image: 'a.jpg', attributes: ['red'], object: 'hat', set: 'train' },
      { image: 'b.jpg', attributes: ['big', 'red'], object: 'hat', set: 'val' },
      { image: 'c/c.jpg', attributes: ['blue'], object: 'shoe', set: 'train' },
      { image: 'c/c.jpg', attributes: ['blue'], object: 'shoe', set: 'test' },
    ]);
    assert.equal((await directory.readImage('c/c.jpg')).toString(), 'c');
  });

  it('becomes a tar: the metadata as they are, then every image once', async () => {
    const metadata = ` ${JSON.stringify([row('a.jpg'), row('images/b/b.jpg'), row('a.jpg')], null, 2)}\n`;
    const images = {
      'a.jpg': Buffer.alloc(100_000, 'a'),
      'b/b.jpg': Buffer.from('b'),
      'unnamed.jpg': Buffer.from('-'),
    };
    const directory = await openTrainingDirectory(await directoryOf(metadata, images));
    for (const time of ['first', 'second']) {
      assert.deepEqual(
        await unpack(await bytesOf(directory)),
        [
          ['metadata.json', Buffer.from(metadata)],
          ['images/a.jpg', images['a.jpg']],
          ['images/b/b.jpg', images['b/b.jpg']],
        ],
        `the ${time} time`,
      );
    }
  });

  it('knows the size of its archive to the byte, whatever its files are called', async () => {
    const part = fc.oneof(
      fc.stringMatching(/^[a-z]{1,120}$/),
      fc.stringMatching(/^[äöüß日本]{1,60}$/),
      fc.constantFrom('x'.repeat(92), 'x'.repeat(93), 'x'.repeat(94)),
    );
    const name = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => `${parts.join('/')}.jpg`);
    const size = fc.oneof(fc.nat(2_000), fc.constantFrom(0, 511, 512, 513, 1024));
    const files = fc.dictionary(name, size, { minKeys: 1, maxKeys: 4 });
    await fc.assert(
      fc.asyncProperty(files, async (sizes) => {
        const images = Object.fromEntries(
          Object.entries(sizes).map(([image, bytes]) => [image, Buffer.alloc(bytes, 1)]),
        );
        const directory = await openTrainingDirectory(await directoryOf(Object.keys(images).map(row), images));
        const archive = await bytesOf(directory);
        assert.equal(archive.byteLength, directory.archiveBytes);
        assert.deepEqual(
          (await unpack(archive)).slice(1),
          Object.entries(images).map(([image, bytes]) => [`images/${image}`, bytes]),
        );
      }),
      { numRuns: 40 },
    );
  });

  it('fails to become a tar when an image has gone', async () => {
    const path = await directoryOf([row('a.jpg'), row('b.jpg')], {
      'a.jpg': Buffer.from('a'),
      'b.jpg': Buffer.from('b'),
    });
    const directory = await openTrainingDirectory(path);
    await rm(join(path, 'images/b.jpg'));
    await assert.rejects(bytesOf(directory), { code: 'ENOENT' });
  });

  const like = /^Row 1 of metadata\.json is not like \{"image": "a\.jpg", "attr": "red"/;
  const refused: [what: string, metadata: unknown, message: RegExp][] = [
    ['no metadata', undefined, /^There is no .*metadata\.json; the directory needs it, and images\/\.$/],
    ['metadata that are no JSON', '[{', /metadata\.json is not JSON\.$/],
    ['metadata that are no list', { rows: [] }, /is not a JSON array with at least one row\.$/],
    ['no rows', [], /is not a JSON array with at least one row\.$/],
    ['a row of nothing', [row('a.jpg'), null], like],
    ['a row without image', [row('a.jpg'), { attr: 'red', obj: 'hat' }], like],
    ['a row without attribute', [row('a.jpg'), { image: 'a.jpg', obj: 'hat' }], like],
    ['a row with an empty list of attributes', [row('a.jpg'), { ...row('a.jpg'), attr: [] }], like],
    ['a row with a number for an attribute', [row('a.jpg'), { ...row('a.jpg'), attr: ['red', 1] }], like],
    ['a row without object', [row('a.jpg'), { image: 'a.jpg', attr: 'red' }], like],
    ['a row of an unknown set', [row('a.jpg'), { ...row('a.jpg'), set: 'dev' }], like],
    ['an image that is missing', [row('a.jpg'), row('b.jpg')], /metadata\.json names .*b\.jpg, which is no file\.$/],
    ['an image that is a directory', [row('folder')], /metadata\.json names .*folder, which is no file\.$/],
  ];
  for (const [what, metadata, message] of refused) {
    it(`with ${what} is refused, and says so`, async () => {
      const path = await directoryOf(metadata, { 'a.jpg': Buffer.from('a'), 'folder/x.jpg': Buffer.from('x') });
      await assert.rejects(
        openTrainingDirectory(path),
        (error) => error instanceof UsageError && message.test(error.message),
      );
    });
  }
});
