import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { BundleContent } from './bundle-directory.js';
import { isUpToDate, writeBundle } from './bundle-directory.js';

let models: string;

before(async () => {
  models = await mkdtemp(join(tmpdir(), 'tessera-bundles-'));
});

after(async () => {
  await rm(models, { recursive: true });
});

function contentWith(text: string): BundleContent {
  return {
    manifest: {
      name: 'example',
      version: '1',
      description: 'A bundle without graphs',
      license: 'MIT',
      provenance: [],
      graphs: {},
      task: 'segmentation',
      pipeline: 'class-detector',
      settings: {
        classes: 'text.txt',
        tokenizer: 'text.txt',
        detector_image_size: 512,
        encoder_longest_side: 1024,
        detection_threshold: 0.2,
        object_score_ratio: 0.5,
        crowd_size: 10,
        box_overlap_threshold: 0.7,
        maximum_objects: 50,
        maximum_refined_objects: 24,
        class_score_ratio: 0.5,
        region_shape_exponent: 3,
        similarity_calibration: { bias: 0, weights: [1, 1, 1] },
      },
    },
    files: { 'text.txt': Buffer.from(text) },
  };
}

test('a bundle is replaced as a whole and leaves nothing else behind', async () => {
  const directory = join(models, 'example');
  await writeBundle(directory, 'first', contentWith('one'));
  await writeBundle(directory, 'second', contentWith('two'));
  assert.equal(await readFile(join(directory, 'text.txt'), 'utf8'), 'two');
  const manifest = JSON.parse(await readFile(join(directory, 'bundle.json'), 'utf8'));
  assert.equal(manifest.built_from, 'second');
  assert.deepEqual(manifest.files['text.txt'], {
    bytes: 3,
    sha256: '3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3',
  });
  assert.deepEqual(await readdir(models), ['example']);
});

test('a bundle is up to date while its sources and its files are the same', async () => {
  const directory = join(models, 'example');
  assert.equal(await isUpToDate(directory, 'x'), false);
  await writeBundle(directory, 'x', contentWith('one'));
  assert.equal(await isUpToDate(directory, 'x'), true);
  assert.equal(await isUpToDate(directory, 'y'), false);
  await appendFile(join(directory, 'text.txt'), '!');
  assert.equal(await isUpToDate(directory, 'x'), false);
});

test('a directory without a bundle is not up to date', async () => {
  assert.equal(await isUpToDate(join(models, 'missing'), 'x'), false);
});

test('a bundle links the files that another one has, and no file that only has its name', async () => {
  const [first, same, other] = ['first', 'same', 'other'].map((name) => join(models, name));
  assert.ok(first && same && other);
  await writeBundle(first, 'a', contentWith('shared'));
  await writeBundle(same, 'a', contentWith('shared'), first);
  await writeBundle(other, 'a', contentWith('different'), first);
  const fileOf = async (directory: string) => (await stat(join(directory, 'text.txt'))).ino;
  assert.equal(await fileOf(same), await fileOf(first));
  assert.notEqual(await fileOf(other), await fileOf(first));
  assert.equal(await readFile(join(other, 'text.txt'), 'utf8'), 'different');

  await rm(first, { recursive: true });
  assert.equal(await isUpToDate(same, 'a'), true);
});
