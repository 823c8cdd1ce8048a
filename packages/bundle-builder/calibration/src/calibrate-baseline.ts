/** Fits the calibration of `tessera-baseline` on the training photos and writes it: `npm run calibrate:baseline`. */
import { loadCocoSplit, runCommand, withRuntime, type Runtime } from '@tessera/evaluation';
import { defaultImageLimits } from '@tessera/images';
import { isBundleOf } from '@tessera/inference';
import { ClassDetector } from '@tessera/segmentation';
import { writeBundleSettings } from './bundle-settings.js';
import { gatherEvidence, namedQuestions, similarityQuestions } from './calibration-evidence.js';
import { fitCalibration } from './calibration-fit.js';
import { bestShapeExponent } from './calibration-shapes.js';
import { roundedCalibration } from '@tessera/runtime';

/** Chosen low: the detector has seen the training photos in its own training, and is less certain of objects elsewhere. */
const detectionThreshold = 0.14;

await runCommand(() => withRuntime('tessera-baseline', calibrate));

async function calibrate({ bundle, runner }: Runtime): Promise<void> {
  if (!isBundleOf(bundle, 'class-detector'))
    throw new Error('tessera-baseline is of another pipeline: build it again.');
  const pipeline = await ClassDetector.create(bundle, runner, defaultImageLimits);
  const coco = await loadCocoSplit('train');
  const classIndexOf = (categoryId: number): number =>
    pipeline.classNames.indexOf(coco.categories.get(categoryId)?.name ?? '');
  const photos = await gatherEvidence(pipeline, coco);
  const named = photos.flatMap((photo) => namedQuestions(photo, coco, pipeline.classNames));
  const compared = photos.flatMap(similarityQuestions);
  await writeBundleSettings('baseline/calibration.json', {
    detection_threshold: detectionThreshold,
    region_shape_exponent: bestShapeExponent(photos, classIndexOf),
    similarity_calibration: roundedCalibration(fitCalibration(compared, [1, 1, -1])),
    named_calibration: roundedCalibration(fitCalibration(named, [1, 0, 0])),
  });
}
