/** Fits the calibration of `tessera-baseline` on the training photos and writes it: `npm run calibrate:baseline`. */
import { BundleClass } from '@tessera/contracts';
import { loadCocoSplit, runCommand, withRuntime, type Runtime } from '@tessera/evaluation';
import { defaultImageLimits } from '@tessera/images';
import { isBundleOf } from '@tessera/inference';
import { ClassDetector } from '@tessera/segmentation';
import Type from 'typebox';
import { Value } from 'typebox/value';
import { writeBundleSettings } from './bundle-settings.js';
import { gatherEvidence } from './calibration-evidence.js';
import { fitCalibration } from './calibration-fit.js';
import { bestShapeExponent } from './calibration-shapes.js';
import { rounded } from './logistic-regression.js';

/** Chosen low: the detector has seen the training photos in its own training, and is less certain of objects elsewhere. */
const detectionThreshold = 0.15;

await runCommand(() => withRuntime('tessera-baseline', calibrate));

async function calibrate({ bundle, runner }: Runtime): Promise<void> {
  if (!isBundleOf(bundle, 'class-detector'))
    throw new Error('tessera-baseline is of another pipeline: build it again.');
  const classes = Value.Parse(
    Type.Array(BundleClass),
    JSON.parse(Buffer.from(await bundle.readFile(bundle.manifest.settings.classes)).toString('utf8')),
  );
  const names = classes.map(({ name }) => name);
  const pipeline = await ClassDetector.create(bundle, runner, defaultImageLimits);
  const coco = await loadCocoSplit('train');
  const classIndexOf = (categoryId: number): number => names.indexOf(coco.categories.get(categoryId)?.name ?? '');
  const photos = await gatherEvidence(pipeline, coco, names);
  const queries = photos.flatMap((photo) => photo.queries);
  await writeBundleSettings('baseline/calibration.json', {
    detection_threshold: detectionThreshold,
    region_shape_exponent: bestShapeExponent(photos, classIndexOf),
    named_calibration: rounded(fitCalibration(queries, 'named')),
    described_calibration: rounded(fitCalibration(queries, 'described')),
  });
}
