import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { fromHalfFloats } from '@tessera/composition';
import { decodeForModels, type PixelImage } from '@tessera/images/decoding';
import {
  bundleOnCuda,
  imageTensor,
  loadBundle,
  sizeTensor,
  startInferenceRunner,
  type Bundle,
  type HostTensor,
  type InferenceRunner,
  type RunResult,
} from '@tessera/inference';
import { createSegmenter } from '@tessera/segmentation';
import { canaryImage } from './canary-image.js';

const models = fileURLToPath(new URL('../../../models/', import.meta.url));
const photos = fileURLToPath(new URL('../../../../shared/data/coco/val2017/', import.meta.url));
const missingModels = existsSync(path.join(models, 'tessera-dual')) ? false : 'no models: run "npm run models"';
const count = 8;
const tolerance = 1e-4;
/** The last digit of a half-precision number below one. */
const halfTolerance = 2 ** -11;
/** Of logits up to 30, from embeddings that differ by that digit. */
const maskTolerance = 5e-3;
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** An image as the graphs read it: the detector, the SAM encoder and the dual encoder. */
interface ModelImages {
  readonly square: PixelImage;
  readonly scaled: PixelImage;
  readonly small: PixelImage;
}

function synthetic(serial: number): ModelImages {
  const draw = (width: number, height: number): PixelImage => ({
    width,
    height,
    data: Uint8Array.from({ length: width * height * 3 }, (_, place) => {
      const [x, y] = [Math.floor(place / 3) % width, Math.floor(place / 3 / width)];
      return 128 + 100 * Math.sin(x / (9 + 5 * serial)) * Math.cos(y / (31 - 3 * serial)) + ((place * 7919) % 13);
    }),
  });
  const side = 1024 - 80 * serial;
  const scaled = serial % 2 === 0 ? draw(1024, side) : draw(side, 1024);
  return { square: draw(512, 512), scaled, small: draw(256, 256) };
}

async function photo(name: string): Promise<ModelImages> {
  const { images } = await decodeForModels(await readFile(path.join(photos, name)), {
    targets: [
      { width: 512, height: 512, fit: 'fill' },
      { longestSide: 1024 },
      { width: 256, height: 256, fit: 'fill' },
    ],
  });
  const [square, scaled, small] = images;
  assert.ok(square && scaled && small);
  return { square, scaled, small };
}

function assertClose(actual: RunResult, expected: RunResult, label: string): void {
  for (const [name, tensor] of Object.entries(expected.outputs)) {
    const output = actual.outputs[name];
    assert.ok(output, label);
    assert.deepEqual(output.dims, tensor.dims, label);
    const [own, other] = [numbersOf(output), numbersOf(tensor)];
    let worst = 0;
    for (const [place, value] of other.entries()) {
      const difference = Math.abs((own[place] ?? Number.NaN) - value);
      if (!(difference <= worst)) worst = difference;
    }
    const most = name === 'low_res_masks' ? maskTolerance : tensor.type === 'float16' ? halfTolerance : tolerance;
    assert.ok(worst <= most, `${label}: ${name} is off by ${worst}`);
  }
}

function numbersOf({ data }: HostTensor): Float64Array {
  return data instanceof Uint16Array ? Float64Array.from(fromHalfFloats(data)) : Float64Array.from(data, Number);
}

describe('a batch of eight images', { skip: missingModels }, () => {
  let baseline: Bundle;
  let plain: InferenceRunner;
  let batching: InferenceRunner;

  before(async () => {
    // Runs are put together on CUDA; here its graphs run on the processor.
    baseline = bundleOnCuda(await loadBundle(path.join(models, 'tessera-baseline')));
    const bundles = [baseline, await loadBundle(path.join(models, 'tessera-dual'))];
    const options = { bundles, executionProviders: ['cpu'] as const, runTimeoutMs: 300_000, log: silent };
    plain = await startInferenceRunner(options);
    // A run that would be alone waits for seven others, so that each test has one batch.
    batching = await startInferenceRunner({ ...options, batching: { max: count, waitMs: 120_000 } });
  });

  after(() => Promise.all([plain.close(), batching.close()]));

  /** The one prompt of a mask decoder, from its contract: a box as corners, or as two points with the labels of corners. */
  function prompt(): Record<string, HostTensor> {
    const sizes: Record<string, number> = { boxes: 1, prompts: 1, points: 2, embeddings: 0 };
    const inputs = Object.entries(baseline.manifest.graphs.mask_decoder?.inputs ?? {});
    const feeds = inputs.map(([name, { dtype, shape }]): [string, HostTensor] => {
      const dims = shape.map((dim) => (typeof dim === 'number' ? dim : (sizes[dim] ?? 1)));
      const length = dims.reduce((product, dim) => product * dim, 1);
      return dtype === 'int64'
        ? [name, { type: 'int64', dims, data: BigInt64Array.from({ length }, (_, place) => BigInt(2 + place)) }]
        : [name, { type: 'float32', dims, data: Float32Array.from({ length }, (_, place) => 100 + 150 * place) }];
    });
    return Object.fromEntries(feeds.filter(([name]) => name !== 'embedding'));
  }

  async function assertSameResults(images: readonly ModelImages[]): Promise<void> {
    const runs = {
      detector: ({ square }: ModelImages) => ({
        bundle: 'tessera-baseline',
        graph: 'detector',
        feeds: { image: imageTensor(square) },
      }),
      'image encoder': ({ scaled }: ModelImages, serial: number) => ({
        bundle: 'tessera-baseline',
        graph: 'image_encoder',
        feeds: { image: imageTensor(scaled), sizes: sizeTensor(scaled) },
        fetch: ['embedding'],
        keep: { embedding: `image-${serial}` },
      }),
      'dual encoder': ({ small }: ModelImages) => ({
        bundle: 'tessera-dual',
        graph: 'image_encoder',
        feeds: { pixels: imageTensor(small) },
      }),
    };
    for (const [name, request] of Object.entries(runs)) {
      const together = await Promise.all(images.map((image, serial) => batching.run(request(image, serial))));
      assert.equal(new Set(together.map(({ runMs }) => runMs)).size, 1, `${name}: one run for all`);
      for (const [serial, image] of images.entries()) {
        const alone = await plain.run(request(image, serial));
        assertClose(together[serial] ?? alone, alone, `${name}, image ${serial}`);
      }
    }
    for (const serial of images.keys()) {
      const feeds = { embedding: { kept: `image-${serial}` }, ...prompt() };
      const decode = { bundle: 'tessera-baseline', graph: 'mask_decoder', feeds };
      assertClose(await batching.run(decode), await plain.run(decode), `mask of image ${serial}`);
    }
  }

  it('gives images of different sizes, drawn ones and photos, what each gets by itself', async () => {
    const names = existsSync(photos) ? readdirSync(photos).filter((name) => name.endsWith('.jpg')) : [];
    const found = await Promise.all(
      names
        .sort()
        .slice(0, count / 2)
        .map(photo),
    );
    const drawn = Array.from({ length: count - found.length }, (_, serial) => synthetic(serial));
    await assertSameResults([...drawn, ...found]);
  });

  it('comes of eight requests at once', async () => {
    const detectorRuns: RunResult[] = [];
    const observed: InferenceRunner = {
      devices: batching.devices,
      run: async (request) => {
        const result = await (request.graph === 'text_encoder' ? plain : batching).run(request);
        if (request.graph === 'detector') detectorRuns.push(result);
        return result;
      },
      holds: (keys) => batching.holds(keys),
      keep: (key, tensor) => batching.keep(key, tensor),
      readKept: (key) => batching.readKept(key),
      close: () => batching.close(),
    };
    const segmenter = await createSegmenter(baseline, observed);
    await Promise.all(
      Array.from({ length: count }, () =>
        segmenter.segment(canaryImage(), { queries: ['a person'], options: { refine: false } }),
      ),
    );
    assert.equal(detectorRuns.length, count);
    assert.equal(new Set(detectorRuns.map(({ runMs }) => runMs)).size, 1);
  });
});
