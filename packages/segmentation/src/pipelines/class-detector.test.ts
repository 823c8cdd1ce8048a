import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { TesseraError, type SegmentOptions } from '@tessera/contracts';
import { BundleError, type Bundle } from '@tessera/inference';
import { decodeRle, intersectionOverUnion, maskArea, unionOfMasks } from '@tessera/masks';
import sharp from 'sharp';
import { createSegmenter } from './create-segmenter.js';
import { height, sign, signPicture, width } from './test-picture.js';
import { startTestRunner, type ObservedRunner } from '../test-runner.js';
import type { Segmenter } from './segmenter.js';
import type { SegmentImage } from '../segment-request.js';

const sharedData = process.env.SHARED_DATA ?? fileURLToPath(new URL('../../../../../shared/data', import.meta.url));
const photoFile = `${sharedData}/coco/val2017/000000000285.jpg`;

describe('createSegmenter with the bundle tessera-baseline', () => {
  let bundle: Bundle;
  let runner: ObservedRunner;
  let segmenter: Segmenter;
  let picture: Buffer;
  let images = 0;

  /** The drawn picture as an image that was never seen before. */
  const freshImage = (): SegmentImage => {
    images += 1;
    return { id: `sign-${String(images)}`, read: () => Promise.resolve(picture) };
  };
  const ask = async (query: string, options: SegmentOptions = {}) => {
    const { results } = await segmenter.segment(freshImage(), { queries: [query], options });
    const [result] = results;
    assert.ok(result && results.length === 1);
    return result;
  };
  const maskOf = (result: Awaited<ReturnType<typeof ask>>) => {
    assert.ok('counts' in result.mask);
    return decodeRle(result.mask);
  };

  before(async () => {
    picture = await signPicture();
    ({ bundle, runner } = await startTestRunner('tessera-baseline'));
    segmenter = await createSegmenter(bundle, runner);
  });

  after(() => runner.close());

  it('refuses a bundle whose views would not have the sides that it says', async () => {
    const { manifest } = bundle;
    const settings = { ...manifest.settings, detector_side_multiple: 48 };
    const other = { ...bundle, manifest: { ...manifest, settings } } as Bundle;
    await assert.rejects(
      createSegmenter(other, runner),
      new BundleError(
        'Bundle "tessera-baseline": detector_image_size 512 is no multiple of detector_side_multiple 48.',
      ),
    );
  });

  it('finds a drawn stop sign by its name, with its outline', async () => {
    const result = await ask('the stop sign');
    assert.ok(result.present && result.score > 0.5);
    assert.ok(intersectionOverUnion(maskOf(result), sign) > 0.9);
    assert.equal(result.area, maskArea(maskOf(result)));
    assert.deepEqual(result.warnings, []);
  });

  it('finds it by a description that does not name it', async () => {
    const result = await ask('drivers have to brake and halt when they see this red board');
    assert.ok(result.present);
    assert.ok(intersectionOverUnion(maskOf(result), sign) > 0.9);
  });

  it('answers with a region shape, without the graphs of SAM, when refine is false', async () => {
    const count = runner.runs.length;
    const result = await ask('one stop sign', { refine: false });
    assert.ok(intersectionOverUnion(maskOf(result), sign) > 0.75);
    assert.deepEqual(runner.graphsSince(count), ['text_encoder', 'detector']);
  });

  for (const [name, view, missing] of [
    ['square', [512, 512], { bottom: 80 }],
    ['landscape', [512, 288], { left: 107 }],
    ['portrait', [352, 512], { top: 240 }],
  ] as const) {
    it(`finds it where it is in a ${name} picture, which is padded to multiples of 32`, async () => {
      const extended = await sharp(picture)
        .extend({ ...missing, extendWith: 'copy' })
        .png()
        .toBuffer();
      const count = runner.runs.length;
      const image: SegmentImage = { id: name, read: () => Promise.resolve(extended) };
      const { results } = await segmenter.segment(image, {
        queries: ['the stop sign'],
        options: { refine: false },
      });
      const { feeds } = runner.runs.slice(count).find(({ graph }) => graph === 'detector') ?? {};
      assert.ok(feeds?.image && 'dims' in feeds.image);
      assert.deepEqual(feeds.image.dims, [1, view[1], view[0], 3]);
      const [x = 0, y = 0, boxWidth = 0, boxHeight = 0] = results[0]?.bbox ?? [];
      const [left, top] = ['left' in missing ? missing.left : 0, 'top' in missing ? missing.top : 0];
      for (const [edge, expected] of [
        [x, left + 100],
        [y, top + 40],
        [x + boxWidth, left + 220],
        [y + boxHeight, top + 160],
      ] as const) {
        assert.ok(Math.abs(edge - expected) < 6, `${edge} instead of ${expected}`);
      }
    });
  }

  it('answers for an absent object with an empty mask, without the graphs of SAM', async () => {
    const count = runner.runs.length;
    const result = await ask('the elephant');
    assert.equal(result.present, false);
    assert.ok(result.score < 0.5);
    assert.deepEqual([result.area, result.bbox, maskArea(maskOf(result))], [0, [0, 0, 0, 0], 0]);
    assert.deepEqual(runner.graphsSince(count), ['text_encoder', 'detector']);
  });

  for (const query of [
    '🐶🐶',
    '…?!',
    '\u0000\u0007',
    'x'.repeat(512),
    '= '.repeat(256),
    '\ud83d',
    '猫',
    'flimzorp qwrtzx',
  ]) {
    it(`finds nothing for ${JSON.stringify(query.slice(0, 16))}`, async () => {
      assert.equal((await ask(query)).present, false);
    });
  }

  it('says when it knows no word of a query', async () => {
    const { present, warnings } = await ask('flimzorp qwrtzx');
    assert.deepEqual([present, warnings], [false, [{ code: 'unknown_words', words: ['flimzorp qwrtzx'] }]]);
  });

  it('gives instances whose union is the mask', async () => {
    const result = await ask('stop sign', { output: { instances: true }, threshold: 0 });
    const instances = (result.instances ?? []).map(({ mask }) => {
      assert.ok('counts' in mask);
      return decodeRle(mask);
    });
    assert.ok(instances.length >= 1);
    assert.deepEqual(unionOfMasks(instances), maskOf(result));
  });

  it('gives no instances unless the request wants them', async () => {
    assert.equal((await ask('stop sign', { refine: false })).instances, undefined);
  });

  it('applies the threshold of the request to the score', async () => {
    const { score } = await ask('stop sign', { refine: false });
    assert.equal((await ask('stop sign', { refine: false, threshold: Math.min(1, score + 1e-3) })).present, false);
    assert.equal((await ask('stop sign', { refine: false, threshold: score - 1e-3 })).present, true);
  });

  it('answers several queries in their order and sees the image once', async () => {
    const count = runner.runs.length;
    const { results, image } = await segmenter.segment(freshImage(), {
      queries: ['elephant', 'stop sign', 'a road sign'],
    });
    assert.deepEqual(
      results.map(({ query, present }) => [query, present]),
      [
        ['elephant', false],
        ['stop sign', true],
        ['a road sign', true],
      ],
    );
    assert.deepEqual(image, { width, height });
    assert.deepEqual(runner.graphsSince(count), ['text_encoder', 'detector', 'image_encoder', 'mask_decoder']);
  });

  it('neither reads nor encodes an image again for a second request', async () => {
    let reads = 0;
    const image: SegmentImage = {
      id: 'read-once',
      read: () => {
        reads += 1;
        return Promise.resolve(picture);
      },
    };
    const first = await segmenter.segment(image, { queries: ['stop sign'] });
    const count = runner.runs.length;
    const second = await segmenter.segment(image, { queries: ['stop sign'] });
    assert.deepEqual(second.results, first.results);
    assert.deepEqual(runner.graphsSince(count), ['mask_decoder']);
    assert.equal(reads, 1);
  });

  it('encodes an image again that was pushed out between the check and the run', async () => {
    const image = freshImage();
    const first = await segmenter.segment(image, { queries: ['stop sign'] });
    const count = runner.runs.length;
    runner.forgetAfterNextCheck = true;
    const second = await segmenter.segment(image, { queries: ['stop sign'] });
    assert.deepEqual(second.results, first.results);
    assert.deepEqual(runner.graphsSince(count), ['mask_decoder', 'image_encoder', 'mask_decoder']);
  });

  it('stops before the next stage when the request is cancelled', async () => {
    const controller = new AbortController();
    const stages: string[] = [];
    const count = runner.runs.length;
    await assert.rejects(
      segmenter.segment(
        freshImage(),
        { queries: ['a stop sign in the street'] },
        {
          signal: controller.signal,
          onProgress: (stage) => {
            stages.push(stage);
            if (stage === 'vision') controller.abort(new Error('given up'));
          },
        },
      ),
      { message: 'given up' },
    );
    assert.deepEqual(stages, ['language', 'decode', 'vision']);
    assert.deepEqual(runner.graphsSince(count), ['text_encoder']);
  });

  it('reports progress that never goes back, and times every stage', async () => {
    const fractions: number[] = [];
    const { timingsMs } = await segmenter.segment(
      freshImage(),
      { queries: ['stop sign', 'dog'] },
      {
        onProgress: (_, fraction) => fractions.push(fraction),
      },
    );
    assert.deepEqual(
      fractions,
      [...fractions].sort((a, b) => a - b),
    );
    assert.ok(fractions.every((fraction) => fraction >= 0 && fraction < 1));
    for (const milliseconds of Object.values(timingsMs)) assert.ok(milliseconds > 0);
  });

  it('refuses pruning and token maps, which it does not have', async () => {
    const refused = (pointer: string) => (error: unknown) =>
      TesseraError.isInstance(error) && error.code === 'TSR_OPTION_UNSUPPORTED' && error.fields[0]?.pointer === pointer;
    await assert.rejects(ask('dog', { pruning: { mode: 'csp' } }), refused('/pruning/mode'));
    await assert.rejects(ask('dog', { output: { token_map: true } }), refused('/output/token_map'));
    await ask('dog', { pruning: { mode: 'off' }, output: { token_map: false }, refine: false });
  });

  it('hands on the error of an image that does not decode', async () => {
    const broken: SegmentImage = { id: 'broken', read: () => Promise.resolve(picture.subarray(0, 200)) };
    await assert.rejects(segmenter.segment(broken, { queries: ['dog'] }), { code: 'TSR_IMAGE_CORRUPT' });
  });

  it('segments extreme shapes of images', async () => {
    for (const [columns, rows] of [
      [1, 1],
      [3000, 1],
      [1, 3000],
    ] as const) {
      const bytes = await sharp({ create: { width: columns, height: rows, channels: 3, background: '#c81e1e' } })
        .png()
        .toBuffer();
      const image: SegmentImage = { id: `${String(columns)}x${String(rows)}`, read: () => Promise.resolve(bytes) };
      const { results } = await segmenter.segment(image, {
        queries: ['person', 'stop sign'],
        options: { threshold: 0 },
      });
      for (const { mask, present, area } of results) {
        assert.deepEqual(mask.size, [rows, columns]);
        assert.equal(present, area > 0);
      }
    }
  });

  it(
    'finds the bear in a photo',
    { skip: existsSync(photoFile) ? false : `there is no ${photoFile}; set SHARED_DATA to the shared data` },
    async () => {
      const image: SegmentImage = { id: 'photo', read: () => readFile(photoFile) };
      const { results } = await segmenter.segment(image, { queries: ['the bear', 'a grizzly', 'the bicycle'] });
      const [bear, grizzly, bicycle] = results;
      assert.ok(bear && grizzly && bicycle);
      assert.ok(bear.present && bear.area > 0.4 * (bear.mask.size[0] * bear.mask.size[1]));
      assert.deepEqual(grizzly.mask, bear.mask);
      assert.equal(bicycle.present, false);
    },
  );
});
