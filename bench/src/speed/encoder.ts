/**
 * `npm run bench:encoder`: SAM's image encoder as processors run it (what the image covers, integers in its layers)
 * beside the published one, which is what CUDA runs; both here, in turn, on the photos of a split (`-- --split train`,
 * by default val). Prints the time of a run, the IoU of the annotated objects' masks from their boxes, and the IoU of the
 * two encoders' masks with each other.
 */
import { parseArgs } from 'node:util';
import { defaultImageLimits } from '@tessera/images';
import { bundleOnCuda, isBundleOf, loadBundle, type Bundle } from '@tessera/inference';
import {
  differenceInterval,
  loadCocoSplit,
  markdownRows,
  mean,
  medianInterval,
  metricInterval,
  milliseconds,
  modelDirectory,
  startRunner,
  timedRunner,
  median,
  targetMask,
  withInterval,
  type CocoPhoto,
  type Sample,
  type Split,
} from '@tessera/evaluation';
import { createMask, intersectionAndUnion, intersectionOverUnion, type BinaryMask } from '@tessera/masks';
import { ClassDetector, paintObject } from '@tessera/segmentation';

const leastArea = 200;
const mostObjects = 12;

const { values: flags } = parseArgs({ options: { split: { type: 'string', default: 'val' } } });
if (flags.split !== 'train' && flags.split !== 'val') throw new RangeError('--split is train or val.');
const split: Split = flags.split;
const coco = await loadCocoSplit(split);
const bundle = await loadBundle(modelDirectory('tessera-baseline'));
const sides = await Promise.all([openSide(bundle), openSide(bundleOnCuda(bundle))]);
const agreements: number[] = [];

for (const [index, photo] of coco.photos.entries()) {
  const objects = photo.annotations
    .filter(({ iscrowd, area }) => iscrowd === 0 && area > leastArea)
    .slice(0, mostObjects);
  if (objects.length === 0) continue;
  const masks = new Map<Side, BinaryMask[]>();
  for (const side of index % 2 === 0 ? sides : sides.toReversed()) masks.set(side, await side.segment(photo, objects));
  const [own = [], published = []] = sides.map((side) => masks.get(side) ?? []);
  for (const [place, mask] of own.entries()) {
    const other = published[place];
    if (other !== undefined) agreements.push(intersectionOverUnion(mask, other));
  }
  if (process.stderr.isTTY) process.stderr.write(`\r${index + 1} of ${coco.photos.length} photos`);
}
await Promise.all(sides.map((side) => side.close()));

const [own, published] = sides;
const ratio = medianInterval(own.times.map((time, index) => time / (published.times[index] ?? NaN)));
const rows = [
  ['a run', milliseconds(median(own.times)), milliseconds(median(published.times)), withInterval(ratio)],
  [
    'gIoU with the truth',
    ...[own, published].map(({ samples }) => withInterval(metricInterval('gIoU', samples))),
    withInterval(differenceInterval('gIoU', own.samples, published.samples), true),
  ],
];
console.log(markdownRows(['', 'as served on processors', 'published', 'ratio or difference'], rows));
console.log(
  `\n${own.samples.length} objects of ${split} photos; mean IoU of the two encoders’ masks: ${mean(agreements).toFixed(3)}`,
);

type Side = Awaited<ReturnType<typeof openSide>>;

async function openSide(side: Bundle) {
  if (!isBundleOf(side, 'class-detector')) throw new TypeError(`${side.manifest.name} is not of class-detector.`);
  const runner = await startRunner(side);
  const times: number[] = [];
  const samples: Sample[] = [];
  const timed = timedRunner(runner, 'image_encoder', times);
  const { vision, settings } = await ClassDetector.create(side, timed, defaultImageLimits);
  return {
    times,
    samples,
    close: () => runner.close(),
    async segment(photo: CocoPhoto, objects: CocoPhoto['annotations']): Promise<BinaryMask[]> {
      const image = vision.images.open({ id: photo.fileName, read: () => coco.readPhoto(photo) });
      const prompts = objects.map(({ bbox: [x, y, width, height] }) => ({
        box: [x / photo.width, y / photo.height, (x + width) / photo.width, (y + height) / photo.height] as const,
      }));
      const decoded = await vision.masks.decode(image, prompts);
      return prompts.map((prompt, index) => {
        const mask = createMask(photo.height, photo.width);
        paintObject(mask, prompt, decoded[index], settings.region_shape_exponent);
        const target = targetMask(photo, [objects[index]?.id ?? NaN], []);
        samples.push({ photo: photo.id, kind: 'class', overlap: intersectionAndUnion(mask, target) });
        return mask;
      });
    },
  };
}
