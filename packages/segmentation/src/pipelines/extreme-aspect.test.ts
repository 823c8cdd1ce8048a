import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createMask, decodeRle, intersectionOverUnion, type BinaryMask, type UntrustedRle } from '@tessera/masks';
import sharp from 'sharp';
import { createSegmenter } from './create-segmenter.js';
import type { Segmenter } from './segmenter.js';
import { height, sign, signPicture, width } from './test-picture.js';
import { startTestRunner, type ObservedRunner } from '../test-runner.js';

const sharedData = process.env.SHARED_DATA ?? fileURLToPath(new URL('../../../../../shared/data', import.meta.url));
const annotationFile = `${sharedData}/coco/instances_train2017.json`;
const skip = existsSync(annotationFile) ? false : `there is no ${annotationFile}; set SHARED_DATA to the shared data`;

/** Every so many training photos one is cut to a strip. */
const stride = 9;
/** Smaller objects, in shares of the strip, are not asked for. */
const leastArea = 0.02;
const padding = { background: '#808080' } as const;

interface Annotations {
  readonly images: readonly {
    readonly id: number;
    readonly file_name: string;
    readonly width: number;
    readonly height: number;
  }[];
  readonly categories: readonly { readonly id: number; readonly name: string; readonly isthing: number }[];
  readonly annotations: readonly {
    readonly image_id: number;
    readonly category_id: number;
    readonly segmentation: UntrustedRle;
  }[];
}

interface Rectangle {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

interface Strip {
  readonly id: string;
  readonly picture: Buffer;
  readonly padded: Buffer;
  /** Masks in the strip by class name. */
  readonly targets: ReadonlyMap<string, BinaryMask>;
}

/** The middle of a photo, 4 : 1 or 1 : 4. */
function middle(photo: { readonly width: number; readonly height: number }, isWide: boolean): Rectangle {
  return isWide
    ? { left: 0, top: Math.round((photo.height * 3) / 8), width: photo.width, height: Math.floor(photo.width / 4) }
    : { left: Math.round((photo.width * 3) / 8), top: 0, width: Math.floor(photo.height / 4), height: photo.height };
}

function crop(mask: BinaryMask, area: Rectangle): BinaryMask {
  const cropped = createMask(area.height, area.width);
  for (let y = 0; y < area.height; y++) {
    const start = (area.top + y) * mask.width + area.left;
    cropped.data.set(mask.data.subarray(start, start + area.width), y * area.width);
  }
  return cropped;
}

async function readStrips(isWide: boolean): Promise<Strip[]> {
  const { images, categories, annotations } = JSON.parse(readFileSync(annotationFile, 'utf8')) as Annotations;
  const strips: Strip[] = [];
  for (const photo of images.filter((_, index) => index % stride === 0)) {
    const { id, file_name: name } = photo;
    const area = middle(photo, isWide);
    if (area.left + area.width > photo.width || area.top + area.height > photo.height) continue;
    const targets = new Map<string, BinaryMask>();
    for (const { category_id: category, segmentation } of annotations.filter(({ image_id: own }) => own === id)) {
      const { name: label = '', isthing } = categories.find((other) => other.id === category) ?? {};
      if (isthing !== 1) continue;
      const target = targets.get(label) ?? createMask(area.height, area.width);
      crop(decodeRle(segmentation), area).data.forEach((pixel, index) => {
        if (pixel === 1) target.data[index] = 1;
      });
      targets.set(label, target);
    }
    for (const [label, { data }] of targets) {
      if (data.reduce((sum, pixel) => sum + pixel, 0) < leastArea * data.length) targets.delete(label);
    }
    if (targets.size === 0) continue;
    const bytes = await readFile(`${sharedData}/coco/train2017/${name}`);
    const picture = await sharp(bytes).extract(area).png().toBuffer();
    const side = Math.max(area.width, area.height);
    const missing = { right: side - area.width, bottom: side - area.height };
    const padded = await sharp(picture)
      .extend({ ...missing, ...padding })
      .png()
      .toBuffer();
    strips.push({ id: `${name}-${isWide ? 'wide' : 'tall'}`, picture, padded, targets });
  }
  return strips;
}

for (const model of ['tessera-baseline', 'tessera-mini']) {
  it(`finds a drawn sign in a strip with ${model}, at either end`, async () => {
    const { bundle, runner } = await startTestRunner(model);
    try {
      const segmenter = await createSegmenter(bundle, runner);
      for (const [left, right] of [
        [0, 3 * width],
        [3 * width, 0],
      ] as const) {
        const picture = await sharp(await signPicture())
          .extend({ left, right, extendWith: 'copy' })
          .png()
          .toBuffer();
        const image = { id: `strip-${left}`, read: () => Promise.resolve(picture) };
        const { results } = await segmenter.segment(image, { queries: ['the stop sign'], options: { refine: false } });
        const mask = results[0]?.mask;
        assert.ok(mask && 'counts' in mask);
        assert.ok(intersectionOverUnion(crop(decodeRle(mask), { left, top: 0, width, height }), sign) > 0.6);
        assert.ok(Math.abs((results[0]?.bbox[0] ?? 0) + (results[0]?.bbox[2] ?? 0) / 2 - left - 160) < 20);
      }
    } finally {
      await runner.close();
    }
  });
}

/** By region shapes: the mask decoder sees a photo and a padded one alike. */
describe('photos of extreme aspect', { skip }, () => {
  let runner: ObservedRunner;
  let segmenter: Segmenter;

  before(async () => {
    const started = await startTestRunner('tessera-baseline');
    runner = started.runner;
    segmenter = await createSegmenter(started.bundle, runner);
  });

  after(() => runner.close());

  async function answers(id: string, picture: Buffer, queries: readonly string[]): Promise<BinaryMask[]> {
    const image = { id, read: () => Promise.resolve(picture) };
    const { results } = await segmenter.segment(image, { queries, options: { refine: false } });
    return results.map(({ mask }) => {
      assert.ok('counts' in mask);
      return decodeRle(mask);
    });
  }

  for (const [name, isWide] of [
    ['4 : 1', true],
    ['1 : 4', false],
  ] as const) {
    it(`are answered at ${name} as well as padded to a square`, async (test) => {
      const overlaps: { own: number; padded: number }[] = [];
      for (const { id, picture, padded, targets } of await readStrips(isWide)) {
        const queries = [...targets.keys()].slice(0, 16);
        const ownMasks = await answers(id, picture, queries);
        const paddedMasks = await answers(`${id}-padded`, padded, queries);
        for (const [index, query] of queries.entries()) {
          const [target, own, ofPadded] = [targets.get(query), ownMasks[index], paddedMasks[index]];
          assert.ok(target && own && ofPadded);
          const area = { left: 0, top: 0, width: target.width, height: target.height };
          const unpadded = crop(ofPadded, area);
          overlaps.push({
            own: intersectionOverUnion(own, target),
            padded: intersectionOverUnion(unpadded, target),
          });
        }
      }
      const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
      const [own, padded] = [mean(overlaps.map((each) => each.own)), mean(overlaps.map((each) => each.padded))];
      test.diagnostic(
        `${overlaps.length} queries: mean IoU ${own.toFixed(3)}, padded to a square ${padded.toFixed(3)}`,
      );
      assert.ok(overlaps.length >= 10);
      assert.ok(own >= padded - 0.03, `${own} is more than 0.03 below ${padded}`);
    });
  }
});
