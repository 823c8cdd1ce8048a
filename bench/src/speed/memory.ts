import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { parseConfig } from '@tessera/contracts';
import { mean, modelDirectory } from '@tessera/evaluation';
import { imageTensor, loadBundle, sizeTensor, startInferenceRunner } from '@tessera/inference';
import { SeededRandom } from '@tessera/runtime';

/**
 * `npm run bench:memory [-- --images 2000 --model tessera-mini]`: sends different images of varied shapes through the
 * vision graphs of a bundle, keeps their embeddings, and prints the resident memory of the inference process (Linux). At
 * the end it prints the growth per 1 000 images over the second half.
 */
const { values } = parseArgs({
  options: { images: { type: 'string', default: '2000' }, model: { type: 'string', default: 'tessera-mini' } },
});
const imageCount = Number(values.images);
const { TESSERA_THREADS } = parseConfig(process.env);
const bundle = await loadBundle(modelDirectory(values.model));
const { settings } = bundle.manifest;
if (!('encoder_longest_side' in settings)) throw new Error(`${values.model} has no image encoder of SAM.`);
const { encoder_longest_side: longestSide, detector_image_size: detectorSide } = settings;

let processId = 0;
const runner = await startInferenceRunner({
  bundles: [bundle],
  executionProviders: ['cpu'],
  threads: TESSERA_THREADS,
  runTimeoutMs: 600_000,
  log: { info: ({ inferencePid }) => (processId = Number(inferencePid)), warn: console.error, error: console.error },
});
const random = new SeededRandom(1);
const noise = Uint8Array.from({ length: longestSide * longestSide * 6 }, () => Math.floor(random.next() * 256));

/** A window of the noise. */
function picture(width: number, height: number) {
  const start = Math.floor(random.next() * (noise.length / 2));
  return imageTensor({ width, height, data: noise.slice(start, start + width * height * 3) });
}

async function segment(key: string): Promise<void> {
  const shortSide = Math.round(longestSide * (0.45 + 0.55 * random.next()));
  const isWide = random.next() < 0.5;
  const size = { width: isWide ? longestSide : shortSide, height: isWide ? shortSide : longestSide };
  const feeds = { image: picture(size.width, size.height), sizes: sizeTensor(size) };
  const boxes = Float32Array.from({ length: 4 + 4 * Math.floor(random.next() * 8) }, (_, index) =>
    index % 4 < 2 ? 10 + 50 * random.next() : 200 + 200 * random.next(),
  );
  const run = { bundle: values.model, fetch: [] };
  await runner.run({
    ...run,
    graph: 'detector',
    feeds: { image: picture(detectorSide, detectorSide) },
    fetch: ['boxes'],
  });
  await runner.run({ ...run, graph: 'image_encoder', feeds, keep: { embedding: key } });
  await runner.run({
    ...run,
    graph: 'mask_decoder',
    feeds: { embedding: { kept: key }, boxes: { type: 'float32', dims: [boxes.length / 4, 4], data: boxes } },
    fetch: ['low_res_masks'],
  });
}

async function residentMiB(): Promise<number> {
  const status = await readFile(`/proc/${processId}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

/** Least-squares slope of the samples of the second half, in MiB per image. */
function slope(samples: readonly (readonly [image: number, mib: number])[]): number {
  const half = samples.filter(([image]) => image >= imageCount / 2);
  const [centre, level] = [mean(half.map(([image]) => image)), mean(half.map(([, mib]) => mib))];
  const covariance = mean(half.map(([image, mib]) => (image - centre) * (mib - level)));
  return covariance / mean(half.map(([image]) => (image - centre) ** 2));
}

const samples: [number, number][] = [];
for (let image = 1; image <= imageCount; image++) {
  await segment(`image-${image}`);
  if (image % Math.max(1, Math.round(imageCount / 40)) !== 0) continue;
  samples.push([image, await residentMiB()]);
  console.log(`${image} images: ${Math.round(samples.at(-1)?.[1] ?? 0)} MiB`);
}
console.log(`growth over the second half: ${(1000 * slope(samples)).toFixed(1)} MiB per 1 000 images`);
await runner.close();
