import { parseArgs } from 'node:util';
import { mean, modelDirectory } from '@tessera/evaluation';
import { createCompositionModel } from '@tessera/dual-encoder';
import { loadBundle, startInferenceRunner } from '@tessera/inference';
import { SeededRandom } from '@tessera/runtime';
import { processMemory } from '@tessera/runtime/process';
import { createSegmenter } from '@tessera/segmentation';
import sharp from 'sharp';
import { streetScene } from '../pictures/street-scene.js';

/**
 * `npm run bench:memory [-- --images 2000 --model tessera-mini]`: loads and warms up the three models, segments different
 * images of varied shapes with one of them and prints the resident memory of the inference process, at rest and as the
 * images go (Linux). At the end it prints the growth per 1 000 images over the second half: before, the memory for kept
 * embeddings fills up.
 */
const { values } = parseArgs({
  options: { images: { type: 'string', default: '2000' }, model: { type: 'string', default: 'tessera-mini' } },
});
const imageCount = Number(values.images);
const bundles = await Promise.all(
  ['tessera-mini', 'tessera-baseline', 'tessera-dual'].map((name) => loadBundle(modelDirectory(name))),
);
let processId = 0;
const runner = await startInferenceRunner({
  bundles,
  executionProviders: ['cpu'],
  runTimeoutMs: 600_000,
  log: { info: ({ inferencePid }) => (processId = Number(inferencePid)), warn: console.error, error: console.error },
});
const scene = await streetScene();
const photo = { id: 'at-rest', read: () => Promise.resolve(scene) };
const segmenters = new Map<string, Awaited<ReturnType<typeof createSegmenter>>>();
for (const bundle of bundles) {
  const isSegmenter = bundle.manifest.task === 'segmentation';
  const model = await (isSegmenter ? createSegmenter : createCompositionModel)(bundle, runner);
  await model.warmUp(photo);
  if ('segment' in model) segmenters.set(bundle.manifest.name, model);
}
const segmenter = segmenters.get(values.model);
if (segmenter === undefined) throw new Error(`--model is one of ${[...segmenters.keys()].join(', ')}`);
const random = new SeededRandom(1);

/** The scene in another shape and other colours. */
function picture(): Promise<Buffer> {
  const side = () => Math.round(500 + 700 * random.next());
  return sharp(scene)
    .resize(side(), side(), { fit: 'fill' })
    .modulate({ brightness: 0.8 + 0.4 * random.next(), hue: Math.floor(20 * random.next()) })
    .jpeg()
    .toBuffer();
}

function residentMiB(): number {
  return (processMemory(processId)?.resident ?? NaN) / 2 ** 20;
}

type Sample = readonly [images: number, mebibytes: number];

/** Least-squares slope, in MiB per image. */
function slope(samples: readonly Sample[]): number {
  const centre = mean(samples.map(([images]) => images));
  const level = mean(samples.map(([, mebibytes]) => mebibytes));
  return (
    mean(samples.map(([images, mebibytes]) => (images - centre) * (mebibytes - level))) /
    mean(samples.map(([images]) => (images - centre) ** 2))
  );
}

console.log(`at rest: ${Math.round(residentMiB())} MiB`);
const samples: Sample[] = [];
for (let image = 1; image <= imageCount; image++) {
  const bytes = await picture();
  const read = () => Promise.resolve(bytes);
  await segmenter.segment({ id: `image-${image}`, read }, { queries: ['the stop sign', 'the clock on the left'] }, {});
  if (image % Math.max(1, Math.round(imageCount / 40)) !== 0) continue;
  samples.push([image, residentMiB()]);
  console.log(`${image} images: ${Math.round(samples.at(-1)?.[1] ?? 0)} MiB`);
}
const growth = 1000 * slope(samples.filter(([images]) => images > imageCount / 2));
console.log(`growth over the second half: ${growth.toFixed(1)} MiB per 1 000 images`);
await runner.close();
