import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseDefaults } from './default-models.js';

const manifests = [
  { name: 'a', task: 'segmentation' },
  { name: 'b', task: 'segmentation', default: true },
  { name: 'c', task: 'composition' },
  { name: 'd', task: 'composition' },
] as const;

const choose = (...named: string[]) =>
  Object.fromEntries(chooseDefaults(manifests, { TESSERA_DEFAULT_MODEL: named, MODELS_DIR: 'models' }));

test('each task has a default: the named model, or the one that says so, or the first', () => {
  assert.deepEqual(choose(), { segmentation: 'b', composition: 'c' });
  assert.deepEqual(choose('d'), { segmentation: 'b', composition: 'd' });
  assert.deepEqual(choose('d', 'a'), { segmentation: 'a', composition: 'd' });
});

test('a setting that names nothing, or two of one task, is refused', () => {
  assert.throws(() => choose('e'), /names e, but models has only: a, b, c, d/);
  assert.throws(() => choose('a', 'b'), /two models for segmentation/);
  assert.throws(
    () => chooseDefaults([], { TESSERA_DEFAULT_MODEL: [], MODELS_DIR: 'nowhere' }),
    /No model bundle in nowhere/,
  );
});
