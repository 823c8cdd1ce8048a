import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { SegmentQueryResult } from '@tessera/contracts';
import { decodeRle, intersectionAndUnion, type BinaryMask } from '@tessera/masks';
import { createSegmenter } from './create-segmenter.js';
import type { Segmenter } from './segmenter.js';
import { startTestRunner, type ObservedRunner } from '../test-runner.js';

const sharedData = process.env.SHARED_DATA ?? fileURLToPath(new URL('../../../../../shared/data', import.meta.url));
const photos = `${sharedData}/coco/train2017`;

describe(
  'sentences about photos, read by tessera-mini',
  { skip: existsSync(photos) ? false : `there is no ${photos}; set SHARED_DATA to the shared data` },
  () => {
    let runner: ObservedRunner;
    let segmenter: Segmenter;

    before(async () => {
      const { bundle, runner: started } = await startTestRunner('tessera-mini');
      runner = started;
      segmenter = await createSegmenter(bundle, runner);
    });

    after(() => runner.close());

    const ask = async (photo: string, queries: readonly string[], refine = false): Promise<SegmentQueryResult[]> => {
      const image = { id: photo, read: () => readFile(`${photos}/${photo}.jpg`) };
      return (await segmenter.segment(image, { queries, options: { refine } })).results;
    };
    const maskOf = (result: SegmentQueryResult | undefined): BinaryMask => {
      assert.ok(result && 'counts' in result.mask);
      return decodeRle(result.mask);
    };
    const sharedPixels = (one: BinaryMask, other: BinaryMask): number => intersectionAndUnion(one, other).intersection;

    it('keeps the pixels of what is excluded out of the mask', async () => {
      const [everything, dogs] = await ask('000000000074', ['anything but dogs', 'the dogs'], true);
      assert.ok(everything?.present && dogs?.present);
      assert.equal(sharedPixels(maskOf(everything), maskOf(dogs)), 0);
    });

    it('answers a join with the answers to its parts, in any order', async () => {
      for (const [photo, one, other] of [
        ['000000000260', 'the bus', 'the person'],
        ['000000000443', 'the cat', 'the remote'],
      ] as const) {
        const queries = [one, other, `${one} and ${other}`, `${other} together with ${one}`];
        const [first, second, ...joins] = await ask(photo, queries);
        const both = intersectionAndUnion(maskOf(first), maskOf(second)).union;
        for (const join of joins) {
          assert.deepEqual(join.warnings, [], join.query);
          assert.ok(join.area >= 0.95 * both && join.area <= both, `${photo} ${join.query}: ${join.area} of ${both}`);
        }
      }
    });

    it('leaves out one of a class', async () => {
      const [all, white, others] = await ask('000000000049', [
        'the horses',
        'the white horse',
        'horses except the white one',
      ]);
      assert.ok(all?.present && white?.present && others?.present);
      assert.equal(sharedPixels(maskOf(white), maskOf(others)), 0);
      assert.ok(others.area > 0 && others.area < all.area);
    });

    it('says which part of a join it does not find', async () => {
      const [join] = await ask('000000000443', ['the cat and the zebra']);
      assert.deepEqual([join?.present, join?.label], [true, 'cat']);
      assert.deepEqual(join?.warnings, [{ code: 'fewer_found', words: ['the zebra'] }]);
    });

    it('takes only what has the colour, and denies a colour that nothing has', async () => {
      const [umbrellas, purple] = await ask('000000000036', ['the umbrella', 'the purple umbrella']);
      assert.equal(umbrellas?.present, true);
      assert.deepEqual([purple?.present, purple?.label], [false, 'umbrella']);
    });

    it('labels what it found, also where the words name a kind of it', async () => {
      const [kind] = await ask('000000000034', ['the plains zebra']);
      assert.equal(kind?.label, 'zebra');
    });
  },
);
