import { readFile } from 'node:fs/promises';
import { LogisticCalibration, type DualEncoderSettings } from '@tessera/contracts';
import Type from 'typebox';
import { Value } from 'typebox/value';
import { cocoClasses } from '../coco-classes.js';

/** What `npm run calibrate:composition` fits on training photos. */
const FittedCalibrations = Type.Object({ words: LogisticCalibration, learned: LogisticCalibration });

/** @throws Error when the committed calibration is not of the expected form */
export async function noneCalibration(): Promise<NonNullable<DualEncoderSettings['none_calibration']>> {
  const file = new URL('calibration.json', import.meta.url);
  return { background: [...cocoClasses], ...Value.Parse(FittedCalibrations, JSON.parse(await readFile(file, 'utf8'))) };
}
