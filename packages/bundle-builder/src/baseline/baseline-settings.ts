import { readFile } from 'node:fs/promises';
import { BundleClass, ClassDetectorSettings, LogisticCalibration } from '@tessera/contracts';
import Type, { type Static } from 'typebox';
import { Value } from 'typebox/value';
import { cocoClasses } from '../coco-classes.js';

/** The part of the settings that `npm run calibrate:baseline` fits on training photos. */
const FittedSettings = Type.Object({
  detection_threshold: ClassDetectorSettings.properties.detection_threshold,
  region_shape_exponent: ClassDetectorSettings.properties.region_shape_exponent,
  similarity_calibration: LogisticCalibration,
  named_calibration: LogisticCalibration,
});

/** What both bundles have. */
export const chosenSettings = {
  detector_image_size: 512,
  detector_side_multiple: 32,
  encoder_longest_side: 1024,
  box_overlap_threshold: 0.7,
  maximum_objects: 50,
  maximum_refined_objects: 24,
  class_score_ratio: 0.5,
  object_score_ratio: 0.5,
  // Chosen on training photos.
  crowd_size: 10,
} as const;

/**
 * Settings of `tessera-baseline`: what was fitted, and what was chosen.
 *
 * @param files - names of the files in the bundle
 * @throws Error when the committed calibration is not of the expected form
 */
export async function baselineSettings(
  files: Pick<ClassDetectorSettings, 'classes' | 'tokenizer'>,
): Promise<ClassDetectorSettings> {
  const { detection_threshold, region_shape_exponent, similarity_calibration } = await fittedSettings();
  return { ...files, ...chosenSettings, detection_threshold, region_shape_exponent, similarity_calibration };
}

/** What `npm run calibrate:baseline` fitted, also what only `tessera-mini` uses. */
export async function fittedSettings(): Promise<Static<typeof FittedSettings>> {
  return Value.Parse(FittedSettings, await readData('calibration.json'));
}

/**
 * The detector's classes with our words for them, in the order of its channels.
 *
 * @throws Error when the committed list does not have exactly these classes in this order
 */
export async function baselineClasses(): Promise<BundleClass[]> {
  const classes = Value.Parse(Type.Array(BundleClass), await readData('class-words.json'));
  if (classes.length !== cocoClasses.length || classes.some(({ name }, index) => name !== cocoClasses[index])) {
    throw new Error('class-words.json does not list the detector’s classes in their order');
  }
  return classes;
}

async function readData(name: string): Promise<unknown> {
  return JSON.parse(await readFile(new URL(name, import.meta.url), 'utf8')) as unknown;
}
