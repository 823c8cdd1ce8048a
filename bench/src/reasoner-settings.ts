import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RegionReasonerSettings } from '@tessera/contracts';
import { repositoryRoot } from './shared-data.js';

const directory = join(repositoryRoot, 'packages', 'bundle-builder', 'src', 'reasoner');

/** What `npm run calibrate:reasoner` fits. */
export type ReasonerCalibration = Pick<
  RegionReasonerSettings,
  'region_threshold' | 'context_calibration' | 'singular_calibration'
>;

/** Writes the schedule from which the next build of `tessera-mini` takes its own. */
export async function writePruning(pruning: RegionReasonerSettings['pruning']): Promise<void> {
  await writeJson('pruning.json', pruning);
}

/** Writes the calibration from which the next build of `tessera-mini` takes its own. */
export async function writeCalibration(calibration: ReasonerCalibration): Promise<void> {
  await writeJson('calibration.json', calibration);
}

/** Lists of numbers stay on one line, as the formatter has them. */
async function writeJson(name: string, value: object): Promise<void> {
  const json = JSON.stringify(value, null, 2)
    .replaceAll(/\[\s+([^\]]+?)\s+\]/g, (_, list: string) => `[${list.replaceAll(/\s+/g, ' ')}]`)
    .replaceAll(/\{\s+("bias"[^}]+?)\s+\}/g, (_, body: string) => `{ ${body.replaceAll(/\s+/g, ' ')} }`);
  await writeFile(join(directory, name), `${json}\n`);
}
