import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { CompositionImage } from '../encoders/composition-image.js';
import type { CompositionModel } from './composition-model.js';
import { createCompositionModel } from './create-composition-model.js';
import { missingBundle, startTestBundle, type ObservedRunner } from './test-bundle.js';

const sharedData = process.env.SHARED_DATA ?? fileURLToPath(new URL('../../../../../shared/data', import.meta.url));
const hasPhotos = existsSync(`${sharedData}/apparel`) && existsSync(`${sharedData}/coco`);
const skip = hasPhotos ? missingBundle : `there are no photos in ${sharedData}; set SHARED_DATA to the shared data`;

/** Photos of dogs without people. */
const dogs = ['042', '307', '309', '394', '400', '490'];
const garments = {
  attributes: ['black', 'blue', 'brown', 'green', 'red', 'white'],
  objects: ['dress', 'pants', 'shirt', 'shoes', 'shorts'],
};
const photosPerPair = 2;

interface Row {
  readonly image: string;
  readonly attr: string;
  readonly obj: string;
  readonly set: 'train' | 'val';
}

describe('the probability that no candidate fits', { skip }, () => {
  let runner: ObservedRunner;
  let model: CompositionModel;
  let garmentPhotos: CompositionImage[];
  const dogPhotos = dogs.map((name) => photo(`coco/train2017/000000000${name}.jpg`));

  before(async () => {
    const rows = JSON.parse(await readFile(`${sharedData}/apparel/metadata.json`, 'utf8')) as Row[];
    const counts = new Map<string, number>();
    garmentPhotos = rows
      .filter(({ set, attr, obj }) => {
        const key = `${attr} ${obj}`;
        const count = set === 'val' ? (counts.get(key) ?? 0) + 1 : Infinity;
        if (set === 'val') counts.set(key, count);
        return count <= photosPerPair;
      })
      .map(({ image }) => photo(`apparel/images/${image}`));
    const { bundle, runner: started } = await startTestBundle();
    runner = started;
    model = await createCompositionModel(bundle, runner);
  });

  after(() => runner.close());

  it('is high for dogs among garments and low for garments', async () => {
    const dog = await mediansOf(dogPhotos);
    const garment = await mediansOf(garmentPhotos);
    assert.ok(dog > 0.6 && garment < 0.4, `dogs ${dog}, garments ${garment}`);
  });

  async function mediansOf(images: readonly CompositionImage[]): Promise<number> {
    const { results } = await model.classify(images, garments, { top_k: 1 });
    const values = results.map(({ none }) => none ?? NaN).sort((left, right) => left - right);
    return values[Math.floor(values.length / 2)] ?? NaN;
  }
});

function photo(path: string): CompositionImage {
  return { id: path, read: () => readFile(`${sharedData}/${path}`) };
}
