import { createHash } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { BUNDLE_SCHEMA, type BundleManifest, type PipelineManifest, type PipelineName } from '@tessera/contracts';

/** A manifest without what follows from the files. */
type ManifestContent = {
  [Name in PipelineName]: Omit<PipelineManifest<Name>, 'schema' | 'files' | 'built_from'>;
}[PipelineName];

/** A bundle before it is on disk. */
export interface BundleContent {
  readonly manifest: ManifestContent;
  readonly files: Readonly<Record<string, Uint8Array>>;
}

/**
 * Writes a bundle so that a reader sees the old directory or the new one, never a half-written one.
 *
 * @param directory - the bundle's directory; replaced when it exists
 * @param builtFrom - fingerprint of the builder and its sources, for {@link isUpToDate}
 * @param shared - a bundle on disk; files that are the same there are linked where the file system can, so that they
 *   take no more room
 */
export async function writeBundle(
  directory: string,
  builtFrom: string,
  content: BundleContent,
  shared?: string,
): Promise<void> {
  // Readers of the models directory leave hidden directories alone.
  const hidden = join(dirname(directory), `.${basename(directory)}-${process.pid}`);
  const staging = `${hidden}-new`;
  const replaced = `${hidden}-old`;
  await rm(staging, { recursive: true, force: true });
  await mkdir(staging, { recursive: true });
  const files: BundleManifest['files'] = {};
  for (const [name, bytes] of Object.entries(content.files)) {
    files[name] = { sha256: sha256(bytes), bytes: bytes.byteLength };
    const isLinked = shared !== undefined && (await linkEqual(join(shared, name), join(staging, name), bytes));
    if (!isLinked) await writeFile(join(staging, name), bytes);
  }
  const manifest: BundleManifest = { schema: BUNDLE_SCHEMA, ...content.manifest, built_from: builtFrom, files };
  await writeFile(join(staging, 'bundle.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  await rename(directory, replaced).catch(ignoreMissing);
  await rename(staging, directory);
  await rm(replaced, { recursive: true, force: true });
}

/** Whether the bundle on disk was built from the same sources and none of its files changed since. */
export async function isUpToDate(directory: string, builtFrom: string): Promise<boolean> {
  try {
    const manifest = JSON.parse(await readFile(join(directory, 'bundle.json'), 'utf8')) as BundleManifest;
    if (manifest.built_from !== builtFrom) return false;
    for (const [name, file] of Object.entries(manifest.files)) {
      if (sha256(await readFile(join(directory, name))) !== file.sha256) return false;
    }
    return true;
  } catch {
    return false;
  }
}

/** Makes `target` another name of a file, if that has the very bytes and the file system has hard links. */
async function linkEqual(file: string, target: string, bytes: Uint8Array): Promise<boolean> {
  try {
    if (!(await readFile(file)).equals(bytes)) return false;
    await link(file, target);
    return true;
  } catch {
    return false;
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
