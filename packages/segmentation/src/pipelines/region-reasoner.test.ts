import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { TesseraError, type SegmentOptions } from '@tessera/contracts';
import { defaultImageLimits } from '@tessera/images';
import { isBundleOf } from '@tessera/inference';
import sharp from 'sharp';
import { planPruning } from '../reasoning/pruning-plan.js';
import type { SegmentImage } from '../segment-request.js';
import { Segmenter } from './segmenter.js';
import { RegionReasoner } from './region-reasoner.js';
import { startTestRunner, type ObservedRunner } from '../test-runner.js';

const sharedData = process.env.SHARED_DATA ?? fileURLToPath(new URL('../../../../../shared/data', import.meta.url));
const photoFile = `${sharedData}/coco/val2017/000000000285.jpg`;
const width = 320;
const height = 240;

/** Red octagons with white rims on poles: a small one, and a larger one to the right of it. */
function colourAt(x: number, y: number): [number, number, number] {
  for (const { centre, radius } of [
    { centre: 70, radius: 32 },
    { centre: 220, radius: 58 },
  ]) {
    const [dx, dy] = [Math.abs(x - centre), Math.abs(y - 100)];
    const distance = Math.max(dx, dy, (dx + dy) / 1.41);
    if (distance < radius) {
      if (distance > 0.9 * radius) return [240, 240, 240];
      const isLetter = dy < 0.2 * radius && dx < 0.65 * radius && Math.floor((8 * x) / radius) % 2 === 1;
      return isLetter ? [255, 255, 255] : [200, 20, 30];
    }
    if (dx < 5 && y > 100) return [120, 120, 120];
  }
  return y > 190 ? [90, 110, 70] : [150, 190, 230];
}

const pixels = new Uint8Array(width * height * 3);
for (let y = 0; y < height; y++) {
  for (let x = 0; x < width; x++) pixels.set(colourAt(x + 0.5, y + 0.5), (y * width + x) * 3);
}

describe('the region-reasoner pipeline with the bundle tessera-mini', () => {
  let runner: ObservedRunner;
  let reasoner: RegionReasoner;
  let segmenter: Segmenter;
  let image: SegmentImage;

  const segment = (queries: readonly string[], options: SegmentOptions = {}) =>
    segmenter.segment(image, { queries, options: { refine: false, ...options } });

  before(async () => {
    const picture = await sharp(pixels, { raw: { width, height, channels: 3 } })
      .png()
      .toBuffer();
    image = { id: 'signs', read: () => Promise.resolve(picture) };
    const { bundle, runner: started } = await startTestRunner('tessera-mini');
    assert.ok(isBundleOf(bundle, 'region-reasoner'));
    runner = started;
    reasoner = await RegionReasoner.create(bundle, runner, defaultImageLimits);
    segmenter = new Segmenter(reasoner);
  });

  after(() => runner.close());

  it('answers all queries of a request with one run of each graph', async () => {
    const count = runner.runs.length;
    const queries = ['the stop signs', 'the elephant', 'the stop sign on the right', 'the dog without a cat', '🐶'];
    const { results, image: size } = await segment(queries);
    assert.deepEqual(
      results.map(({ query }) => query),
      queries,
    );
    assert.deepEqual(size, { width, height });
    assert.deepEqual(runner.graphsSince(count), ['detector', 'reader', 'text_encoder', 'reasoner']);
    const [signsFound, elephant, , refused, nothing] = results;
    assert.equal(signsFound?.present, true);
    assert.equal(elephant?.present, false);
    assert.deepEqual([refused?.present, refused?.warnings[0]?.code], [false, 'negation']);
    assert.deepEqual([nothing?.present, nothing?.warnings[0]?.code], [false, 'unknown_words']);
  });

  it('costs only the language of a query about an image that it has seen', async () => {
    await segment(['the stop sign']);
    const count = runner.runs.length;
    await segment(['the smallest stop sign']);
    assert.deepEqual(runner.graphsSince(count), ['reader', 'text_encoder', 'reasoner']);
  });

  it('scores no regions for queries that it refuses', async () => {
    const count = runner.runs.length;
    const { pruning } = await segment(['no dogs', '…?!'], { output: { token_map: true } });
    assert.deepEqual(runner.graphsSince(count), ['reader']);
    assert.equal(pruning, undefined);
  });

  it('answers a query alike alone and beside others', async () => {
    const query = 'the larger stop sign';
    const [alone] = (await segment([query], { output: { instances: true } })).results;
    const others = ['something that makes drivers halt', query, 'the elephant next to the stop sign'];
    const [, together] = (await segment(others, { output: { instances: true } })).results;
    assert.ok(alone && together);
    assert.ok(Math.abs(alone.score - together.score) < 1e-4);
    assert.deepEqual(together.bbox, alone.bbox);
  });

  it('scores alike with all tokens in every layer in every mode', async () => {
    const queries = ['the stop sign on the left', 'the stop signs'];
    const reason = (pruning: SegmentOptions['pruning']) => {
      const opened = reasoner.vision.images.open(image);
      return reasoner.reason(opened, queries, { plan: planPruning(reasoner.settings, pruning) });
    };
    const unpruned = await reason({ mode: 'off' });
    for (const mode of ['csp', 'fastv', 'cls_topk', 'random'] as const) {
      const answers = await reason({ mode, reduction: 0 });
      for (const [index, { regions }] of answers.entries()) {
        const expected = unpruned[index]?.regions?.scores ?? new Float32Array();
        assert.ok(
          regions?.scores.every((score, region) => Math.abs(score - (expected[region] ?? 0)) < 1e-4),
          mode,
        );
      }
    }
  });

  it('reports what was pruned, and maps which tokens each layer saw', async () => {
    for (const mode of ['csp', 'fastv', 'pyramid', 'cls_topk', 'random'] as const) {
      const outcome = await segment(['the stop sign on the left', 'no dogs'], {
        pruning: { mode, reduction: 0.65 },
        output: { token_map: true },
      });
      assert.ok(outcome.pruning && outcome.tokenLayout);
      assert.ok(outcome.pruning.mode === mode && outcome.pruning.flops_reduction >= 0.649);
      assert.equal(outcome.pruning.image_tokens, 128);
      const [answered, refused] = outcome.results;
      assert.ok(answered?.token_map);
      assert.deepEqual(
        answered.token_map.map(({ name, layers, tokens }) => ({ name, layers, image_tokens: tokens.length })),
        outcome.pruning.stages,
      );
      for (const { tokens } of answered.token_map) {
        assert.deepEqual(
          tokens,
          [...new Set(tokens)].sort((a, b) => a - b),
        );
        assert.ok(tokens.every((token) => token < 128));
      }
      assert.deepEqual(refused?.token_map, []);
      const [rows, columns] = outcome.tokenLayout.grid;
      assert.equal(rows * columns + outcome.tokenLayout.regions.length, 128);
    }
  });

  it('gives no token map unless the request wants one', async () => {
    const { results, tokenLayout, pruning } = await segment(['the stop sign']);
    assert.deepEqual([results[0]?.token_map, tokenLayout], [undefined, undefined]);
    assert.ok(pruning);
  });

  it('refuses a reduction without pruning', async () => {
    await assert.rejects(
      segment(['dog'], { pruning: { mode: 'off', reduction: 0.5 } }),
      (error) => TesseraError.isInstance(error) && error.code === 'TSR_OPTION_UNSUPPORTED',
    );
  });

  it('warms every graph', async () => {
    const count = runner.runs.length;
    const picture = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#888' } })
      .png()
      .toBuffer();
    await segmenter.warmUp({ id: 'grey', read: () => Promise.resolve(picture) });
    assert.deepEqual(runner.graphsSince(count), [
      'detector',
      'reader',
      'text_encoder',
      'reasoner',
      'image_encoder',
      'mask_decoder',
    ]);
  });

  it(
    'finds the bear in a photo, with the masks of the class-detector pipeline',
    { skip: existsSync(photoFile) ? false : `there is no ${photoFile}; set SHARED_DATA to the shared data` },
    async () => {
      const photo: SegmentImage = { id: 'photo', read: () => readFile(photoFile) };
      const { results } = await segmenter.segment(photo, { queries: ['the bear', 'two bears', 'the bicycle'] });
      const [bear, two, bicycle] = results;
      assert.ok(bear && two && bicycle);
      assert.ok(bear.present && bear.area > 0.4 * (bear.mask.size[0] * bear.mask.size[1]));
      assert.deepEqual(two.warnings, [{ code: 'fewer_found', words: ['2'] }]);
      assert.equal(bicycle.present, false);
    },
  );
});
