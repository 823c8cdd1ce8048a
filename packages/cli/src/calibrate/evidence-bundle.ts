import { createHash } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { LogisticCalibration } from '@tessera/contracts';
import { logit } from '@tessera/runtime';
import { UsageError } from '../command-errors.js';

/** A bundle's manifest, as far as it is read here; the rest is kept. */
interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly pipeline: string;
  readonly files: Readonly<Record<string, unknown>>;
  readonly settings: Readonly<Record<string, unknown>>;
}

/**
 * Of the log-odds of `[SEG]` in the score of an {@link EvidenceBundle}: small, so that a score near 0 or 1 still tells them
 * apart.
 */
const evidenceWeight = 0.05;

/** The log-odds of `[SEG]`, from a score of an {@link EvidenceBundle}. */
export function segLogOdds(score: number): number {
  return logit(score) / evidenceWeight;
}

/** @throws UsageError when the directory has no bundle of the pipeline `lisa` */
export async function readLisaManifest(directory: string): Promise<Manifest> {
  const file = join(directory, 'bundle.json');
  const text = await readFile(file, 'utf8').catch(() => {
    throw new UsageError(`${file} cannot be read; name the directory of a bundle, as models/lisa-7b.`);
  });
  const manifest = JSON.parse(text) as Manifest;
  if (manifest.pipeline !== 'lisa') {
    throw new UsageError(
      `${directory} is of the pipeline ${manifest.pipeline}; bundles of lisa alone are calibrated so.`,
    );
  }
  return manifest;
}

/**
 * A bundle beside the given one, with the same files as hard links, whose scores are evidence: the log-odds of `[SEG]`
 * alone. {@link segLogOdds} reads them. `close` deletes it.
 *
 * @returns the directory that takes the place of MODELS_DIR
 */
export async function linkEvidenceBundle(
  directory: string,
  manifest: Manifest,
): Promise<{ readonly modelsDirectory: string; readonly close: () => Promise<void> }> {
  const path = resolve(directory);
  const modelsDirectory = join(dirname(path), `.${basename(path)}-calibration-${process.pid}`);
  const close = () => rm(modelsDirectory, { recursive: true, force: true });
  const copy = join(modelsDirectory, manifest.name);
  try {
    await mkdir(copy, { recursive: true });
    for (const name of Object.keys(manifest.files)) await link(join(path, name), join(copy, name));
    const presence = { bias: 0, weights: [0, evidenceWeight] };
    await writeFile(join(copy, 'bundle.json'), JSON.stringify(withCalibration(manifest, presence)));
  } catch (error) {
    await close();
    throw error;
  }
  return { modelsDirectory, close };
}

/** Writes the calibration into the bundle's manifest, whole or not at all. */
export async function writeCalibration(
  directory: string,
  manifest: Manifest,
  presence: LogisticCalibration,
): Promise<void> {
  const file = join(directory, 'bundle.json');
  const staging = `${file}.new`;
  await writeFile(staging, `${JSON.stringify(withCalibration(manifest, presence), null, 2)}\n`);
  await rename(staging, file);
}

/** Other scores are another version: whoever keeps answers can tell them apart. */
function withCalibration(manifest: Manifest, presence: LogisticCalibration): Manifest {
  const hash = createHash('sha256').update(JSON.stringify(presence)).digest('hex').slice(0, 8);
  const version = `${manifest.version.replace(/-calibrated-[0-9a-f]{8}$/, '')}-calibrated-${hash}`;
  return {
    ...manifest,
    version,
    settings: { ...manifest.settings, presence_calibration: presence, is_calibrated: true },
  };
}
