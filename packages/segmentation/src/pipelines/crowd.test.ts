import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isBundleOf, type Bundle } from '@tessera/inference';
import type { SegmentImage } from '../segment-request.js';
import { createSegmenter } from './create-segmenter.js';
import type { Segmenter } from './segmenter.js';
import { startTestRunner, type ObservedRunner } from '../test-runner.js';

const sharedData = process.env.SHARED_DATA ?? fileURLToPath(new URL('../../../../../shared/data', import.meta.url));
const photoFile = `${sharedData}/coco/val2017/000000004134.jpg`;
const skip = existsSync(photoFile) ? false : `there is no ${photoFile}; set SHARED_DATA to the shared data`;

/** Fewer than there are people in the photo. */
const maximumRefined = 6;

const others = [
  'the bus',
  'a tie',
  'the chairs',
  'dogs',
  'the cup',
  'a bottle',
  'the wine glass',
  'the tie',
  'a laptop',
  'the dining table',
  'a handbag',
  'the cell phone',
  'a clock',
  'the potted plant',
  'the people and the chairs',
];

for (const model of ['tessera-baseline', 'tessera-mini']) {
  describe(`a crowd seen by ${model}`, { skip }, () => {
    const photo: SegmentImage = { id: 'crowd', read: () => readFile(photoFile) };
    const output = { instances: true } as const;
    let runner: ObservedRunner;
    let segmenter: Segmenter;

    const ask = async (queries: readonly string[], refine = true) => {
      const { results } = await segmenter.segment(photo, { queries, options: { output, refine } });
      return results;
    };

    before(async () => {
      const started = await startTestRunner(model);
      runner = started.runner;
      const { bundle } = started;
      assert.ok(isBundleOf(bundle, 'class-detector') || isBundleOf(bundle, 'region-reasoner'));
      const settings = { ...bundle.manifest.settings, maximum_refined_objects: maximumRefined };
      const crowded = { ...bundle, manifest: { ...bundle.manifest, settings } } as Bundle;
      segmenter = await createSegmenter(crowded, runner);
    });

    after(() => runner.close());

    it('gives the same masks alone and beside 15 other queries', async () => {
      const [alone] = await ask(['the people']);
      const together = await ask([...others, 'the people']);
      const last = together.at(-1);
      assert.ok(alone && last);
      assert.equal(last.query, 'the people');
      assert.deepEqual([last.mask, last.bbox, last.warnings], [alone.mask, alone.bbox, alone.warnings]);
      assert.deepEqual(
        last.instances?.map(({ mask }) => mask),
        alone.instances?.map(({ mask }) => mask),
      );
    });

    it('says how many objects it did not refine', async () => {
      const [people] = await ask(['the people']);
      assert.ok(people?.instances);
      const warning = people.warnings.find(({ code }) => code === 'coarse_masks');
      const coarse = people.instances.filter(({ mask_score: score }) => score === undefined);
      assert.ok(people.instances.length > maximumRefined);
      assert.deepEqual(warning, { code: 'coarse_masks', words: [], count: coarse.length });
      assert.ok(coarse.length >= people.instances.length - maximumRefined);
      assert.equal(people.mask_score, undefined);
    });

    it('names the class of each object, and gives the mask decoder’s figure beside the score', async () => {
      const [people, planes] = await ask(['the people', 'the airplanes']);
      assert.ok(people?.instances && planes);
      assert.deepEqual(new Set([people.label, ...people.instances.map(({ label }) => label)]), new Set(['person']));
      for (const { mask_score: score } of people.instances.slice(0, maximumRefined)) {
        assert.ok(score !== undefined && score > 0.3 && score <= 1);
      }
      assert.deepEqual([planes.present, planes.label, planes.mask_score], [false, 'airplane', undefined]);
    });

    it('has neither warning nor figure for coarse masks that the request wants', async () => {
      const [people] = await ask(['the people'], false);
      assert.ok(people?.present);
      assert.deepEqual([people.mask_score, people.warnings], [undefined, []]);
    });
  });
}
