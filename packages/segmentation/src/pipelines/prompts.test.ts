import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { TesseraError, type Mask, type SegmentPrompt } from '@tessera/contracts';
import { withRun, type Bundle } from '@tessera/inference';
import { decodeRle, intersectionOverUnion, type BinaryMask } from '@tessera/masks';
import sharp from 'sharp';
import type { Segmenter } from './segmenter.js';
import type { SegmentImage, SegmentQuestion } from '../segment-request.js';
import { createSegmenter } from './create-segmenter.js';
import { height, sign, signPicture, width } from './test-picture.js';
import { startTestRunner, type ObservedRunner } from '../test-runner.js';

const signBox: SegmentPrompt = { box: [100, 40, 120, 120] };
const skyClick: SegmentPrompt = { points: [{ x: 20, y: 20, label: 1 }] };

function pixelsOf(mask: Mask | undefined): BinaryMask {
  assert.ok(mask && 'counts' in mask);
  return decodeRle(mask);
}

for (const model of ['tessera-baseline', 'tessera-mini']) {
  describe(`prompts to ${model}`, () => {
    let runner: ObservedRunner;
    let bundle: Bundle;
    let segmenter: Segmenter;
    let picture: Buffer;
    let reads = 0;
    let images = 0;

    /** The drawn picture as an image that was never seen before. */
    const freshImage = (): SegmentImage => {
      images += 1;
      return {
        id: `sign-${images}`,
        read: () => {
          reads += 1;
          return Promise.resolve(picture);
        },
      };
    };
    /** The same picture, encoded once, for the tests that are not about what runs. */
    const known: SegmentImage = { id: 'sign', read: () => Promise.resolve(picture) };
    const ask = async (question: Partial<SegmentQuestion>, image = known) =>
      (await segmenter.segment(image, { queries: [], ...question })).results;

    before(async () => {
      picture = await signPicture();
      const started = await startTestRunner(model);
      ({ bundle, runner } = started);
      segmenter = await createSegmenter(bundle, runner);
    });

    after(() => runner.close());

    it('fails, and does not answer, when the model gives no numbers', async () => {
      const outputs = ['iou', 'low_res_masks', model === 'tessera-mini' ? 'region_class_scores' : 'scores'];
      for (const output of outputs) {
        const broken = withRun(runner, async (request) => {
          const result = await runner.run(request);
          const values = result.outputs[output]?.data;
          if (values instanceof Float32Array) values.fill(NaN, -1);
          return result;
        });
        const question = { queries: ['the stop sign'] };
        await assert.rejects((await createSegmenter(bundle, broken)).segment(freshImage(), question), {
          code: 'TSR_INFERENCE_FAILED',
          message: `The model gave values of "${output}" that are not finite.`,
        });
      }
    });

    it('gives the object in a box and the one under a point, each with the IoU that the decoder predicts', async () => {
      const count = runner.runs.length;
      const outcome = await segmenter.segment(freshImage(), {
        queries: [],
        prompts: [signBox, skyClick],
        options: { output: { instances: true } },
      });
      assert.deepEqual(runner.graphsSince(count), ['image_encoder', 'mask_decoder']);
      const [box, click] = outcome.results;
      assert.ok(box && click);
      assert.deepEqual([box.prompt, box.query, click.prompt, click.query], [0, undefined, 1, undefined]);
      assert.ok(box.present && intersectionOverUnion(pixelsOf(box.mask), sign) > 0.9);
      const sky = pixelsOf(click.mask);
      assert.ok(click.present && sky.data[20 * width + 20] === 1 && sky.data[100 * width + 160] === 0);
      for (const { score, mask_score: maskScore, label, instances, warnings } of outcome.results) {
        assert.ok(score > 0.5 && score <= 1);
        assert.deepEqual([maskScore, instances?.[0]?.mask_score], [score, score]);
        assert.deepEqual([label, instances?.[0]?.label], [undefined, undefined]);
        assert.deepEqual([instances?.length, instances?.[0]?.score, warnings], [1, score, []]);
      }
      assert.deepEqual([outcome.image, outcome.pruning], [{ width, height }, undefined]);
    });

    it('neither reads nor encodes an image again for another prompt, or for one after a query', async () => {
      const image = freshImage();
      await ask({ prompts: [skyClick] }, image);
      const [count, readsBefore] = [runner.runs.length, reads];
      await ask({ prompts: [signBox] }, image);
      assert.deepEqual([runner.graphsSince(count), reads], [['mask_decoder'], readsBefore]);

      const asked = freshImage();
      await ask({ queries: ['the stop sign'] }, asked);
      const [countAsked, readsAsked] = [runner.runs.length, reads];
      await ask({ prompts: [signBox] }, asked);
      assert.deepEqual([runner.graphsSince(countAsked), reads], [['mask_decoder'], readsAsked]);
    });

    it('decodes a prompt alike alone and beside others', async () => {
      const [alone] = await ask({ prompts: [skyClick] });
      const others = Array.from({ length: 10 }, (_, index): SegmentPrompt => ({ box: [index, index, 100, 100] }));
      const [first, , , last] = await ask({ prompts: [skyClick, ...others.slice(0, 2), skyClick, ...others] });
      assert.ok(intersectionOverUnion(pixelsOf(alone?.mask), pixelsOf(first?.mask)) > 0.999);
      assert.deepEqual([last?.prompt, last?.mask], [3, first?.mask]);
    });

    it('takes what a point at the border of the image is on, not the padding beside it', async () => {
      const [right, bottom] = [width - 0.01, height - 0.01];
      const places = [
        [right, bottom],
        [0, bottom],
        [width / 2, bottom],
        [right, 0],
        [right, height / 2],
      ] as const;
      const prompts = places.map(([x, y]): SegmentPrompt => ({ points: [{ x, y, label: 1 }] }));
      for (const [index, { present, mask }] of (await ask({ prompts })).entries()) {
        const [x = 0, y = 0] = places[index] ?? [];
        const { data } = pixelsOf(mask);
        assert.ok(present, String([x, y]));
        // The border itself may be beside the mask, whose cells are more than a pixel wide.
        const [column, row] = [Math.min(Math.max(x, 4), width - 4), Math.min(Math.max(y, 4), height - 4)];
        assert.equal(data[Math.floor(row) * width + Math.floor(column)], 1, String([x, y]));
      }
    });

    it('finds something under a point of a strip that is narrower than the border', async () => {
      const shades = Uint8Array.from({ length: 6 * 1024 * 3 }, (_, index) => {
        return Math.abs(Math.floor(index / 18) - 512) < 100 ? 230 : 20;
      });
      const strip = await sharp(shades, { raw: { width: 6, height: 1024, channels: 3 } })
        .png()
        .toBuffer();
      const image: SegmentImage = { id: 'strip', read: () => Promise.resolve(strip) };
      const [result] = await ask({ prompts: [{ points: [{ x: 3, y: 512, label: 1 }] }] }, image);
      assert.ok(result?.present);
    });

    it('answers a query as without prompts where they point to nothing that it found, and says so', async () => {
      const [alone] = await ask({ queries: ['the stop sign'] });
      const prompts: SegmentPrompt[] = [{ points: [{ x: 5, y: 5, label: 0 }] }];
      const warnings = [...(alone?.warnings ?? []), { code: 'unused_points', words: [], count: 1 }];
      assert.deepEqual(await ask({ queries: ['the stop sign'], prompts }), [{ ...alone, warnings }]);
    });

    it('says so, too, of a point in the box of an object that is not on its mask, and of one beside a new object', async () => {
      const [alone] = await ask({ queries: ['the stop sign'] });
      assert.ok(alone);
      const [x, y, w] = alone.bbox;
      const { data } = pixelsOf(alone.mask);
      const corner = [x + 1, x + w - 2].find((column) => data[(y + 1) * width + column] === 0);
      assert.ok(corner !== undefined);
      const off = { x: corner, y: y + 1, label: 0 } as const;
      const on = { x: 160, y: 130, label: 0 } as const;
      const warned = async (...prompts: SegmentPrompt[]) => {
        const [result] = await ask({ queries: ['the stop sign'], prompts });
        return result?.warnings.find(({ code }) => code === 'unused_points')?.count ?? 0;
      };
      assert.equal(await warned({ points: [off] }), 1);
      assert.equal(await warned({ points: [on] }), 0);
      assert.equal(await warned({ points: [off, on] }), 1);
      const [sky, grass] = [{ x: 20, y: 20, label: 1 } as const, { x: 20, y: 235, label: 0 } as const];
      assert.equal(await warned({ points: [sky, grass] }), 1);
      assert.equal(await warned({ ...signBox, points: [off] }), 1);
    });

    it('adds to a query’s answer what a point outside of it is on', async () => {
      const options = { output: { instances: true } };
      const [alone] = await ask({ queries: ['the stop sign'], options });
      const [both] = await ask({ queries: ['the stop sign'], prompts: [skyClick], options });
      assert.ok(alone && both);
      assert.deepEqual([both.query, both.prompt, both.score], ['the stop sign', undefined, alone.score]);
      assert.equal(both.instances?.length, (alone.instances?.length ?? 0) + 1);
      const mask = pixelsOf(both.mask);
      assert.deepEqual([mask.data[20 * width + 20], mask.data[60 * width + 160]], [1, 1]);
    });

    it('finds by a prompt what the query does not', async () => {
      const [alone] = await ask({ queries: ['the elephant'] });
      const [pointed] = await ask({ queries: ['the elephant'], prompts: [signBox] });
      assert.deepEqual([alone?.present, pointed?.present, pointed?.score], [false, true, alone?.score]);
      assert.ok(intersectionOverUnion(pixelsOf(pointed?.mask), sign) > 0.9);
    });

    it('removes the objects that a point rejects', async () => {
      const prompts: SegmentPrompt[] = [{ points: [{ x: 160, y: 130, label: 0 }] }];
      const [result] = await ask({ queries: ['the stop sign'], prompts, options: { output: { instances: true } } });
      assert.ok(result);
      assert.equal(pixelsOf(result.mask).data[130 * width + 160], 0);
      assert.ok(result.area < 0.5 * sign.data.reduce((sum, pixel) => sum + pixel, 0));
      for (const { area } of result.instances ?? []) assert.ok(area > 0);
    });

    it('adds no pixel for one more point beside an object, be it the same one again', async () => {
      const places = [
        { x: 160, y: 130, label: 0 },
        { x: 160, y: 130, label: 0 },
        { x: 150, y: 90, label: 0 },
        { x: 150, y: 90, label: 0 },
      ] as const;
      const [alone] = await ask({ queries: ['the stop sign'] });
      let before = pixelsOf(alone?.mask);
      for (const count of places.keys()) {
        const prompts: SegmentPrompt[] = [{ points: places.slice(0, count + 1) }];
        const [result] = await ask({ queries: ['the stop sign'], prompts });
        const after = pixelsOf(result?.mask);
        const added = after.data.filter((pixel, index) => pixel === 1 && before.data[index] === 0).length;
        assert.equal(added, 0, `${count + 1} points`);
        before = after;
      }
    });

    it('puts a box in the place of the object that was found there', async () => {
      const options = { output: { instances: true } };
      const [alone] = await ask({ queries: ['the stop sign'], options });
      const [boxed] = await ask({ queries: ['the stop sign'], prompts: [signBox], options });
      assert.ok(alone?.instances && boxed?.instances);
      assert.ok(boxed.instances.length <= alone.instances.length);
      assert.ok(intersectionOverUnion(pixelsOf(boxed.instances.at(-1)?.mask), sign) > 0.9);
    });

    for (const [name, prompt, pointers] of [
      ['a box that reaches beyond the right edge', { box: [300, 0, 21, 10] }, ['/prompts/1/box']],
      ['a box below the image', { box: [0, height + 1, 10, 10] }, ['/prompts/1/box']],
      ['a point at the right edge', { points: [{ x: width, y: 3, label: 1 }] }, ['/prompts/1/points/0/x']],
      [
        'a point far away',
        {
          points: [
            { x: 1, y: 1, label: 1 },
            { x: 1e9, y: 1e9, label: 0 },
          ],
        },
        ['/prompts/1/points/1/x', '/prompts/1/points/1/y'],
      ],
    ] satisfies [string, SegmentPrompt, string[]][]) {
      it(`refuses ${name}, before any model runs`, async () => {
        const count = runner.runs.length;
        await assert.rejects(ask({ queries: ['dog'], prompts: [signBox, prompt] }), (error) => {
          assert.ok(TesseraError.isInstance(error) && error.code === 'TSR_VALIDATION');
          assert.deepEqual(
            error.fields.map(({ pointer }) => pointer),
            pointers,
          );
          return true;
        });
        assert.deepEqual(runner.graphsSince(count), []);
      });
    }

    it('takes prompts that touch the edges', async () => {
      const prompts: SegmentPrompt[] = [
        { box: [0, 0, width, height] },
        { box: [width - 0.5, height - 0.5, 0.5, 0.5] },
        { points: [{ x: width - 0.01, y: 0, label: 1 }] },
      ];
      const results = await ask({ prompts });
      assert.deepEqual(
        results.map(({ prompt }) => prompt),
        [0, 1, 2],
      );
    });

    it('gives every run of a request its signal, so that none is run that waits when the request is cancelled', async () => {
      const { signal } = new AbortController();
      const count = runner.runs.length;
      await segmenter.segment(freshImage(), { queries: ['the stop sign', 'it makes drivers halt'] }, { signal });
      const runs = runner.runs.slice(count);
      assert.ok(runs.length >= 4);
      assert.deepEqual(
        runs.filter((run) => run.signal !== signal).map(({ graph }) => graph),
        [],
      );
    });

    it('stops between two runs of the mask decoder, and between two masks that it paints', async () => {
      const image = freshImage();
      const prompts = Array.from({ length: 17 }, (_, index): SegmentPrompt => ({ box: [index, 0, 200, 200] }));
      await ask({ prompts: [signBox] }, image);
      for (const [fraction, runs] of [
        [0.8, 1],
        [0.9, 3],
      ] as const) {
        const controller = new AbortController();
        const count = runner.runs.length;
        let reports = 0;
        const onProgress = (_: string, done: number) => {
          if (done >= fraction) reports += 1;
          if (reports === 2) controller.abort(new Error('given up'));
        };
        const work = segmenter.segment(image, { queries: [], prompts }, { signal: controller.signal, onProgress });
        await assert.rejects(work, { message: 'given up' });
        assert.equal(runner.graphsSince(count).length, runs);
      }
    });
  });
}
