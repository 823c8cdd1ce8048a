/** Fits the calibration of `tessera-baseline` on the training photos and writes it: `npm run calibrate:baseline`. */
import { BundleClass, type LogisticCalibration } from '@tessera/contracts';
import { loadCocoSplit, runCommand, withRuntime, type Runtime } from '@tessera/evaluation';
import { defaultImageLimits } from '@tessera/images';
import { isBundleOf } from '@tessera/inference';
import { roundTo } from '@tessera/runtime';
import { ClassDetector } from '@tessera/segmentation';
import Type from 'typebox';
import { Value } from 'typebox/value';
import { writeBundleSettings } from './bundle-settings.js';
import { gatherEvidence } from './calibration-evidence.js';
import { fitCalibration, presenceAccuracy } from './calibration-fit.js';
import { bestShapeExponent, gIoUByThreshold } from './calibration-shapes.js';

/**
 * Not the best threshold of the table below but a lower one: the detector has seen the training photos in its own
 * training, and is less certain of objects elsewhere.
 */
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

  const exponent = bestShapeExponent(photos, classIndexOf);
  console.table(gIoUByThreshold(photos, classIndexOf, exponent));
  const named = rounded(fitCalibration(photos, 'named'));
  const described = rounded(fitCalibration(photos, 'described'));
  console.log('right about presence at 0.5, named', presenceAccuracy(photos, 'named', named));
  console.log('right about presence at 0.5, described', presenceAccuracy(photos, 'described', described));
  const fitted = {
    detection_threshold: detectionThreshold,
    region_shape_exponent: exponent,
    named_calibration: named,
    described_calibration: described,
  };
  await writeBundleSettings('baseline/calibration.json', fitted);
}

function rounded({ bias, weights }: LogisticCalibration): LogisticCalibration {
  return { bias: roundTo(bias, 3), weights: weights.map((weight) => roundTo(weight, 3)) };
}
