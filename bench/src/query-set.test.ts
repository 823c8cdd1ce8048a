import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { splits } from './coco-split.js';
import { generateQuerySet } from './photo-queries.js';
import { contextKinds, formatQuerySet, loadQuerySet, querySetPath } from './query-set.js';
import { hasSharedData } from './shared-data.js';

describe('the committed queries', () => {
  for (const split of splits) {
    const skip = hasSharedData('coco') ? false : 'the shared COCO photos are not on this machine (SHARED_DATA)';
    it(`are what the generator writes for ${split}`, { skip }, async () => {
      assert.equal(formatQuerySet(await generateQuerySet(split)), await readFile(querySetPath(split), 'utf8'));
    });
  }

  it('keep the queries of the published figures, first and in number', async () => {
    const photos = await loadQuerySet('val');
    const first = photos.flatMap(({ queries }) => queries.filter(({ set }) => set === 'first'));
    assert.equal(first.length, 263);
    for (const { queries } of photos) {
      const sets = queries.map(({ set }) => set);
      assert.ok(sets.lastIndexOf('first') < (sets.includes('context') ? sets.indexOf('context') : sets.length));
    }
  });

  it('have a target exactly where their kind has one, and each photo asks a thing once', async () => {
    for (const split of splits) {
      for (const { photo, queries } of await loadQuerySet(split)) {
        for (const { text, kind, annotations } of queries) {
          assert.equal(annotations.length === 0, kind === 'absent' || kind === 'context_absent', `${photo}: ${text}`);
        }
        const context = queries.filter(({ set }) => set === 'context').map(({ text }) => text);
        assert.equal(new Set(context).size, context.length, `photo ${photo}`);
      }
    }
  });

  it('ask enough about context to tell models apart', async () => {
    const queries = (await loadQuerySet('val')).flatMap((photo) => photo.queries);
    assert.ok(queries.filter(({ kind }) => contextKinds.includes(kind)).length >= 150);
  });
});
