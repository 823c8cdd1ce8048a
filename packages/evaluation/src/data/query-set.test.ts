import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadCocoSplit, splits } from './coco-split.js';
import { contextKinds, loadQuerySet } from './query-set.js';
import { hasSharedData } from './shared-data.js';

describe('the committed queries', () => {
  for (const split of splits) {
    const skip = hasSharedData('coco') ? false : 'the shared COCO photos are not on this machine (SHARED_DATA)';
    it(`are about annotations of the ${split} photos`, { skip }, async () => {
      const { photos } = await loadCocoSplit(split);
      const querySet = await loadQuerySet(split);
      assert.deepEqual(
        querySet.map(({ photo }) => photo),
        photos.map(({ id }) => id),
      );
      for (const [index, { photo, queries }] of querySet.entries()) {
        const known = new Set(photos[index]?.annotations.map(({ id }) => id));
        for (const { text, annotations, ignored } of queries)
          assert.ok(
            [...annotations, ...ignored].every((id) => known.has(id)),
            `${photo}: ${text}`,
          );
      }
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

  it('have a target exactly where their kind has one, and each photo is asked a context query once', async () => {
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
